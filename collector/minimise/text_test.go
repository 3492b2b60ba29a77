package minimise

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/sys/unix"
	"pgregory.net/rapid"
)

func masked(s string) string {
	var b Buffer
	return strings.Clone(b.Text([]byte(s), 1<<20))
}

// personal are texts, and what is left of them.
var personal = []struct{ in, want string }{
	{"jana@example.org", "[mail]"},
	{"write to Jana.Nova+x@mail.example.co.uk, please", "write to [mail], please"},
	{"mailto:jana@example.org?subject=x", "mailto:[mail]?subject=x"},
	{"jana%40example.org", "[mail]"},
	{"jana%2540example.org", "[mail]"},
	{"jana@example.org", "[mail]"},
	{`"jana nova"@example.org`, "[mail]"},
	{"jána@příklad.cz", "[mail]"},
	{"a@b.cz@c.cz", "[mail]@c.cz"},
	{"jana@[192.168.1.1]", "[mail]"},
	{"call +420 777 123 456 now", "call [phone] now"},
	{"+420777123456", "[phone]"},
	{"+48 501-502-503", "[phone]"},
	{"00420 777 123 456", "[phone]"},
	{"00420777123456", "[phone]"},
	{"777 123 456", "[phone]"},
	{"0901 234 567", "[phone]"},
	{"0901/234 567", "[phone]"},
	{"06 12 34 56 78", "[phone]"},
	{"(415) 555-2671", "[phone]"},
	{"415-555-2671", "[phone]"},
	{"(02) 1234 5678", "[phone]"},
	{"+420\u00a0777\u00a0123\u00a0456", "[phone]"},
	{"%2B420777123456", "[phone]"},
	{"4111 1111 1111 1111", "[card]"},
	{"card 4111111111111111 ok", "card [card] ok"},
	{"5555-5555-5555-4444", "[card]"},
	{"378282246310005", "[card]"},
	{"3782 822463 10005", "[card]"},
	{"CZ65 0800 0000 1920 0014 5399", "[iban]"},
	{"SK3112000000198742637541", "[iban]"},
	{"de89370400440532013000", "[iban]"},
	{"GB29 NWBK 6016 1331 9268 19", "[iban]"},
	{"PL61109010140000071219812874", "[iban]"},
	{"44051401359", "[nationalid]"},
	{"736028/5163", "[nationalid]"},
	{"7360285163", "[nationalid]"},
	{"530101/123", "[nationalid]"},
	{"12345678Z", "[nationalid]"},
	{"X1234567L", "[nationalid]"},
	{"RSSMRA85T10A562S", "[nationalid]"},
	{"811218-9876", "[nationalid]"},
	{"131052-308T", "[nationalid]"},
	{"85.07.30-033.28", "[nationalid]"},
	{"85073003328", "[nationalid]"},
	{"AB123456C", "[nationalid]"},
	{"36574261809", "[nationalid]"},
	{"255081416802538", "[nationalid]"},
	{"192.168.10.7", "[ip]"},
	{"from 8.8.8.8:53", "from [ip]:53"},
	{"2001:db8::1", "[ip]"},
	{"[2001:0db8:0000:0000:0000:ff00:0042:8329]", "[[ip]]"},
	{"::ffff:192.0.2.1", "[ip]"},
	{"fe80::1%eth0 up", "[ip] up"},
	{"0902123456", "[phone]"},
	{"my number 0902123456, thanks", "my number [phone], thanks"},
	{"0612345678", "[phone]"},
	{"07911123456", "[phone]"},
	{"01701234567", "[phone]"},
	{"tel. 602123456", "tel. [phone]"},
	{"Tel:602123456", "Tel:[phone]"},
	{"phone number: 777123456", "phone number: [phone]"},
	{"my phone is 602123456.", "my phone is [phone]."},
	{"mobil=602123456", "mobil=[phone]"},
	{"mobil 02 123 45678", "mobil [phone]"},
	{"tel. č. 602123456", "tel. č. [phone]"},
	{"telefonní číslo 602123456", "telefonní číslo 602123456"}, // unknown word: left
	{"call 00602123456", "call [phone]"},
	{"jana @ example.org", "[mail]"},
	{"write jana.nova  @  example.org now", "write [mail] now"},
	{"jana@ example.org", "[mail]"},
	{"jana&#64;example.org", "[mail]"},
	{"jana&#x40;example&period;org", "[mail]"},
	{"jana&commat;example.org", "[mail]"},
	{"jana&amp;#64;example.org", "[mail]"},
	{"jana&#0064example.org", "[mail]"},
	{"%26commat; jana%26%2364;example.org", "@ [mail]"},
	{"４１１１１１１１１１１１１１１１", "[card]"},
	{"ｊａｎａ＠ｅｘａｍｐｌｅ．ｏｒｇ", "[mail]"},
	{"+４２０ ７７７ １２３ ４５６", "[phone]"},
	{"٠٩٠٢١٢٣٤٥٦", "[phone]"},
	{"۰۹۰۲۱۲۳۴۵۶", "[phone]"},
	{"4111.1111.1111.1111", "[card]"},
	{"https://x.example/?q=jana%40example.org&ip=10.1.2.3", "https://x.example/?q=[mail]&ip=[ip]"},
}

func TestMasksWhatIsPersonal(t *testing.T) {
	for _, c := range personal {
		if got := masked(c.in); got != c.want {
			t.Errorf("%q: %q, want %q", c.in, got, c.want)
		}
	}
}

func TestLeavesWhatIsNotPersonal(t *testing.T) {
	for _, s := range []string{
		"", "Order Completed", "Trail shoe 42", "1 299 Kč", "12 345 678,00 EUR", "1299.00", "€ 1.299,00", "99,90",
		"SKU-123456", "SKU 0042-17-B", "EAN 8594001234567", "4006381333931", "AB-12-CD", "iPhone 15 Pro Max 256",
		"2026-11-21", "2026-11-21T09:30:00.000Z", "21.11.2026", "21. 11. 2026 10:30", "01.02.2026 10:30", "10:30:00", "1732180000", "1732180000000",
		"v1.2.3", "1.2.3", "10.0.19045.3803", "Chrome/120.0.0.0", "120.0.0.0", "npm name@1.2.3", "logo@2x.png", "@zgoda", "a @ b",
		"50 %", "100%", "100%25 wool", "size 38/40", "24/7", "3+1 free", "+5 points", "1-2-3", "C++ std::vector", "a:b:c", "::",
		"550e8400-e29b-41d4-a716-446655440000", "ORD-2026-000123", "2026/11/21", "16:9", "1920x1080", "DE12", "lot 20261121",
		"čeština žluťoučký", "日本語", "rating 4.5/5", "123456789", "order 100200300", "602123456", "0000123456", "0012345678", "order 0123456789", "0512345678", "SKU 0902123456-17", "012345678901",
		"iPhone 602123456", "hotel 602123456", "mobile 2026-11-21 09:30", "call 24/7", "phone 12345678", "mobile app 3.2.1", "tel", "phone case 100200300",
		"sale @ 9.99", "see @jana", "hello @shop.example", "3 @ 4.50", "Q&amp;A", "fish &amp; chips &#8364;5", "&copy; 2026", "２０２６年１１月", "١٢٣", "1.2345.6789",
		"4111.1111.1111.1112", "4111.11.1111.1111.11", "100 200 300 400", "Windows NT 10.0",
	} {
		if got := masked(s); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

// TestFalsePositivesAreRare counts masks among what shops number things with.
func TestFalsePositivesAreRare(t *testing.T) {
	hits := 0
	const n = 20000
	for i := range n {
		for _, s := range []string{time.Unix(1_600_000_000+int64(i)*9973, 0).UTC().Format(time.RFC3339), digits(uint64(1_600_000_000 + i*9973)), digits(uint64(i) * 48_271 % 100_000_000), fmt.Sprintf("%010d", 100_000+i*41), fmt.Sprintf("order %09d", i*48_271%100_000_000), "8594" + digits(100_000_000+uint64(i)*7919%899_999_999)} {
			if masked(s) != s {
				hits++
			}
		}
	}
	if hits > n*6/1000 {
		t.Fatalf("%d of %d plain numbers were masked", hits, n*6)
	}
}

func digits(v uint64) string {
	var out []byte
	for ; v > 0; v /= 10 {
		out = append([]byte{byte('0' + v%10)}, out...)
	}
	return string(out)
}

func TestTextIsCutAtACharacter(t *testing.T) {
	var b Buffer
	if got := b.Text([]byte("žžžž"), 5); got != "žž" || !utf8.ValidString(got) {
		t.Fatalf("%q", got)
	}
}

func TestTextsStayWhenTheBufferGrows(t *testing.T) {
	var b Buffer
	first := b.Text([]byte("first"), 100)
	for range 1000 {
		b.Text([]byte("another text that makes it grow"), 100)
	}
	if first != "first" {
		t.Fatalf("%q", first)
	}
	b.Reset()
}

func TestResetWipes(t *testing.T) {
	var b Buffer
	b.Text([]byte("jana%40example.org"), 100)
	view, scratch, out := b.view[:cap(b.view)], b.scratch[:cap(b.scratch)], b.b[:cap(b.b)]
	b.Reset()
	for _, s := range [][]byte{view, scratch, out} {
		if strings.Contains(string(s), "jana") {
			t.Fatal("a text survived Reset")
		}
	}
}

func TestPersonal(t *testing.T) {
	var b Buffer
	if b.Personal([]byte("ajs-next-1732180000000-550e8400-e29b-41d4-a716-446655440000")) || !b.Personal([]byte("m-jana@example.org")) {
		t.Fatal("Personal is wrong")
	}
}

// TestMaskingIsIdempotent: what was masked holds nothing that would be masked,
// encoded or not, whatever surrounds it.
func TestMaskingIsIdempotent(t *testing.T) {
	seeds := []string{"jana@example.org", "+420 777 123 456", "4111 1111 1111 1111", "CZ6508000000192000145399", "736028/5163", "10.1.2.3", "2001:db8::1", "%40", "%2540", " ", "-", ".", "/", "1", "a", "@", ":", "12345678Z", "[mail]", "tel ", "no. ", "0902123456", "602123456", "&#64;", "&commat;", "&amp;", "&", "#64;", "ａ", "＠", "１", "٠", "４１１１", " @ ", "example.org"}
	rapid.Check(t, func(t *rapid.T) {
		parts := rapid.SliceOfN(rapid.SampledFrom(seeds), 0, 12).Draw(t, "parts")
		checkMasked(t, strings.Join(parts, ""))
	})
}

type failer interface{ Fatalf(string, ...any) }

func checkMasked(t failer, s string) {
	once := masked(s)
	if twice := masked(once); twice != once {
		t.Fatalf("%q: %q, then %q", s, once, twice)
	}
	view := []byte(once)
	for range maxRounds {
		if out, found := mask(nil, view); found {
			t.Fatalf("%q: %q still shows %q", s, once, out)
		}
		view = reveal(view)
	}
}

func FuzzText(f *testing.F) {
	for _, s := range []string{"jana@example.org", "%2540", "+420 777 123 456", "4111-1111-1111-1111", "::ffff:1.2.3.4%eth0", "\xff\xfe@x.cz", "a%40b%2Ecz", "\"\"@a.bc"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) { checkMasked(t, s) })
}

// Four times the text takes about four times the work, and not sixteen times.
func TestTextIsLinear(t *testing.T) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for _, unit := range []string{"@", "a@b", "1 ", "1:", "a:", "%25", "%40", "4", "+1", "\"@", "(1", "a.", "1.1.1.", "\uff20a", "a\uff20", "1:a.", "%2540", "::1 ", "&", "&#", "&#6", "&amp;", "１", "٠", "tel ", "no no ", "a @ a", " @ a.bc", "tel 1"} {
		short, long := strings.Repeat(unit, 20_000/len(unit)), strings.Repeat(unit, 80_000/len(unit))
		least, most := work(t, short), work(t, long)
		for range 4 {
			least, most = min(least, work(t, short)), min(most, work(t, long))
		}
		if most > 10*least {
			t.Errorf("%q: %v for 20 kB, %v for 80 kB", unit, least, most)
		}
	}
}

// work is how long the thread's processor is at it: waiting for one, on a busy machine,
// does not count.
func work(t *testing.T, text string) time.Duration {
	t.Helper()
	used := func() time.Duration {
		var at unix.Timespec
		if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &at); err != nil {
			t.Fatal(err)
		}
		return time.Duration(at.Nano())
	}
	before := used()
	masked(text)
	return used() - before
}

func BenchmarkTextPlain(b *testing.B) {
	var buf Buffer
	s := []byte("Order Completed 2026-11-21, 3 pieces at 1299.00")
	b.ReportAllocs()
	for b.Loop() {
		buf.b = buf.b[:0]
		buf.Text(s, 1024)
	}
}
