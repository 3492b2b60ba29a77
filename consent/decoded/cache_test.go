package decoded

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/consent/gpp"
	"zgoda/consent/tcf"
)

const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// encode writes ones and zeros as base64url.
func encode(ones string) string {
	ones += strings.Repeat("0", (6-len(ones)%6)%6)
	var out strings.Builder
	for i := 0; i < len(ones); i += 6 {
		v := 0
		for _, bit := range ones[i : i+6] {
			v = v<<1 | int(bit-'0')
		}
		out.WriteByte(signs[v])
	}
	return out.String()
}

// numbered returns a TC string for vendor 7 with the given version of the vendor
// list, 0 to 4095, as long as asked for at least.
func numbered(n, length int) []byte {
	ones := fmt.Sprintf("%06b%036b%036b%012b%012b%06b%06b%06b%012b%06b", 2, n/4096, 17<<30, 10, 1, 1, 15, 11, n%4096, 5) +
		"10" + strings.Repeat("0", 12) + strings.Repeat("1", 24) + strings.Repeat("0", 24) + "0" + "001111001011"
	vendors := fmt.Sprintf("%016b0%s", 8, "00000010")
	text := encode(ones + vendors + vendors + strings.Repeat("0", 12))
	return []byte(text + strings.Repeat("A", max(0, length-len(text))))
}

func newCache(tb testing.TB, size int64) *Cache {
	tb.Helper()
	c, err := New(Config{Bytes: size})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := c.Close(); err != nil {
			tb.Error(err)
		}
	})
	return c
}

// TestHit: the second time a string is not decoded again, and what is kept is
// not the caller's memory.
func TestHit(t *testing.T) {
	c := newCache(t, MinBytes)
	text := numbered(1, 0)
	first, err := c.TC(text)
	if err != nil {
		t.Fatal(err)
	}
	again, err := c.TC(text)
	if err != nil || again != first {
		t.Fatalf("decoded again: %v", err)
	}
	for i := range text {
		text[i] = 'x'
	}
	if first.VendorListVersion() != 1 || !first.Vendor(7).Consent || first.Vendor(6).Consent || !first.VendorConsents().Has(7) {
		t.Error("it reads the caller's memory")
	}
	if s := c.Stats(); s.Hits != 1 || s.Misses != 1 || s.Bytes < tcBytes {
		t.Errorf("%+v", s)
	}
}

// TestVendor: whichever vendor is asked for first, each gets its own answer.
func TestVendor(t *testing.T) {
	var none *Cache
	tc, err := none.TC(numbered(1, 0))
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		for _, id := range []int{6, 7, 0, 8, 7} {
			if got, want := tc.Vendor(id), tc.String.Vendor(id); got != want {
				t.Errorf("vendor %d: %+v, want %+v", id, got, want)
			}
		}
	}
}

// TestGPP: the sections, the TC string and us_privacy of a GPP string.
func TestGPP(t *testing.T) {
	tcText := string(numbered(3, 0))
	text := []byte("DBACNYA~" + tcText + "~1YYN")
	c := newCache(t, MinBytes)
	var none *Cache
	for name, cache := range map[string]*Cache{"cache": c, "none": none} {
		g, err := cache.GPP(text)
		if err != nil {
			t.Fatal(err)
		}
		if len(g.Sections) != 2 || g.TC == nil || g.TC.VendorListVersion() != 3 || !g.USPrivacy.OptedOut() {
			t.Errorf("%s: %+v", name, g)
		}
	}
	first, _ := c.GPP(text)
	again, _ := c.GPP(text)
	if first == nil || first != again {
		t.Error("decoded again")
	}
	if g, err := c.GPP([]byte("DBAA")); err != nil || len(g.Sections) != 0 || g.TC != nil {
		t.Errorf("without sections: %+v, %v", g, err)
	}
	// The same text in both roles.
	bare, err := c.GPP([]byte(tcText))
	if err != nil || bare.TC == nil || len(bare.Sections) != 1 {
		t.Fatalf("%+v, %v", bare, err)
	}
	if tc, err := c.TC([]byte(tcText)); err != nil || tc == bare.TC {
		t.Errorf("a GPP string stands for a TC string: %v", err)
	}
}

// TestUnreadable: what cannot be read is an error each time and is not kept.
func TestUnreadable(t *testing.T) {
	c := newCache(t, MinBytes)
	tcText := numbered(1, 0)
	long := []byte(strings.Repeat("C", tcf.MaxLength+1))
	var none *Cache
	for range 2 {
		for _, cache := range []*Cache{c, none} {
			for _, test := range []struct {
				text []byte
				want tcf.Error
			}{{nil, tcf.ErrEmpty}, {tcText[:20], tcf.ErrShort}, {long, tcf.ErrLong}} {
				if got, err := cache.TC(test.text); got != nil || !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
			}
			for _, test := range []struct {
				text []byte
				want error
			}{
				{nil, gpp.ErrEmpty},
				{long, gpp.ErrLong},
				{[]byte("DBABMA~" + string(tcText[:20])), tcf.ErrShort},
				{[]byte("DBABMA~C"), tcf.ErrShort},
				{tcText[:9], tcf.ErrShort},
			} {
				if got, err := cache.GPP(test.text); got != nil || !errors.Is(err, test.want) {
					t.Errorf("%v, want %v", err, test.want)
				}
			}
		}
	}
	if s := c.Stats(); s.Bytes != 0 || s.Hits != 0 || none.Stats() != (Stats{}) {
		t.Errorf("%+v", s)
	}
}

// TestFlood: new strings without end take no more than the bound, and what is
// asked for often stays.
func TestFlood(t *testing.T) {
	const size = 256 << 10
	c := newCache(t, size)
	often := make([][]byte, 20)
	for i := range often {
		often[i] = numbered(i, 0)
	}
	ask := func() (hits uint64) {
		before := c.Stats().Hits
		for _, text := range often {
			if _, err := c.TC(text); err != nil {
				t.Fatal(err)
			}
		}
		return c.Stats().Hits - before
	}
	for range 200 {
		ask()
	}
	for n := range 3000 {
		if _, err := c.TC(numbered(10_000+n, 4000)); err != nil {
			t.Fatal(err)
		}
		if _, err := c.TC([]byte("C")); err == nil {
			t.Fatal("garbage is read")
		}
		if n%100 == 0 {
			ask()
		}
		if s := c.Stats(); s.Bytes > size {
			t.Fatalf("%d bytes are kept", s.Bytes)
		}
	}
	if s := c.Stats(); s.Bytes > size || s.Bytes == 0 {
		t.Errorf("%d bytes are kept", s.Bytes)
	}
	if hits := ask(); hits < 15 {
		t.Errorf("only %d of %d strings stayed", hits, len(often))
	}
	if s := c.Stats(); s.Bytes != c.held() {
		t.Errorf("%d bytes are told, %d are kept", s.Bytes, c.held())
	}
}

// held returns what all entries take.
func (c *Cache) held() (size int64) {
	for i := range c.sets {
		for w := range c.sets[i].ways {
			if e := c.sets[i].ways[w].Load(); e != nil {
				size += e.size
			}
		}
	}
	return size
}

// TestForgotten: what was asked for often, but is not any more, gives way to what
// is asked for now.
func TestForgotten(t *testing.T) {
	c := newCache(t, MinBytes)
	ask := func(from, to, length int) (hits uint64) {
		before := c.Stats().Hits
		for i := from; i < to; i++ {
			if _, err := c.TC(numbered(i, length)); err != nil {
				t.Fatal(err)
			}
		}
		return c.Stats().Hits - before
	}
	for range 2 * mostAsked {
		ask(0, 30, 0)
	}
	if hits := ask(0, 30, 0); hits < 15 {
		t.Errorf("%d of 30 are kept", hits)
	}
	for range agesAfter * mostAsked {
		ask(100, 130, 0)
	}
	if hits := ask(100, 130, 0); hits < 15 {
		t.Errorf("%d of 30 are kept", hits)
	}
	if hits := ask(200, 201, tcf.MaxLength) + ask(200, 201, tcf.MaxLength); hits > 1 {
		t.Errorf("%d hits of two", hits)
	}
	if s := c.Stats(); s.Bytes > MinBytes || s.Bytes != c.held() {
		t.Errorf("%d bytes are told, %d are kept", s.Bytes, c.held())
	}
}

// TestLongest: the longest string that can be read can be kept.
func TestLongest(t *testing.T) {
	c := newCache(t, MinBytes)
	for range 2 {
		if _, err := c.TC(numbered(1, tcf.MaxLength)); err != nil {
			t.Fatal(err)
		}
	}
	if s := c.Stats(); s.Hits != 1 || s.Bytes < tcf.MaxLength {
		t.Errorf("%+v", s)
	}
}

// TestConcurrent: whoever asks, gets what the string says.
func TestConcurrent(t *testing.T) {
	c := newCache(t, MinBytes)
	var group sync.WaitGroup
	for worker := range 4 {
		group.Go(func() {
			for n := range 2000 {
				want := (n*7 + worker) % 300
				tc, err := c.TC(numbered(want, 0))
				if err != nil || tc.VendorListVersion() != want {
					t.Errorf("string %d: %v", want, err)
					return
				}
				if !tc.Vendor(7).Consent || tc.Vendor(6).Consent {
					t.Errorf("string %d: vendors are mixed up", want)
					return
				}
			}
		})
	}
	group.Wait()
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Error(err)
	}
	if c, err := New(Config{Bytes: MinBytes - 1}); err == nil || c != nil {
		t.Error("a cache without room is made")
	}
	c, err := New(DefaultConfig())
	if err != nil {
		t.Fatal(err)
	}
	var none *Cache
	if errors.Join(c.Close(), c.Close(), none.Close()) != nil {
		t.Error("closing twice fails")
	}
}

// TestHitAllocs: a hit allocates nothing.
func TestHitAllocs(t *testing.T) {
	c := newCache(t, MinBytes)
	tcText, gppText := numbered(1, 600), []byte("DBABT~1YYN")
	ask := func() {
		tc, err := c.TC(tcText)
		if err != nil || !tc.Vendor(7).Consent {
			t.Error(err)
		}
		if _, err := c.GPP(gppText); err != nil {
			t.Error(err)
		}
	}
	ask()
	if n := testing.AllocsPerRun(1000, ask); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// BenchmarkHit is all that is asked of a string that is kept.
func BenchmarkHit(b *testing.B) {
	c := newCache(b, MinBytes)
	text := numbered(1, 600)
	if _, err := c.TC(text); err != nil {
		b.Fatal(err)
	}
	now, rules := time.Unix(1_826_000_000, 0), tcf.DefaultRules()
	rules.DisclosedSince = now // the string has no Disclosed Vendors
	b.ReportAllocs()
	for b.Loop() {
		tc, err := c.TC(text)
		if err != nil {
			b.Fatal(err)
		}
		v := tc.Vendor(7)
		if tc.Check(now, rules) != nil || tc.Allowed(&v, tcf.Consent, 0) == 0 {
			b.Fatal("refused")
		}
	}
}

// BenchmarkMiss is a string that is new to the cache each time.
func BenchmarkMiss(b *testing.B) {
	c := newCache(b, 1<<20)
	texts := make([][]byte, 1<<14)
	for i := range texts {
		texts[i] = numbered(i, 600)
	}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		if _, err := c.TC(texts[n%len(texts)]); err != nil {
			b.Fatal(err)
		}
		n++
	}
}
