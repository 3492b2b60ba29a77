package blind

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"zgoda/event"
)

func TestNormalise(t *testing.T) {
	long := strings.Repeat("a", MaxIdentifier)
	tests := []struct {
		kind event.IdentifierKind
		in   string
		want string // empty: refused
	}{
		{event.KindEmail, "Jana.Nováková@Example.SK", "jana.nováková@example.sk"},
		{event.KindEmail, " \t jana@example.org\r\n", "jana@example.org"},
		{event.KindEmail, "nova\u0301k@example.org", "nov\u00e1k@example.org"},
		{event.KindEmail, "jana+shop@example.org", "jana+shop@example.org"},
		{event.KindEmail, "\"a@b\"@example.org", "\"a@b\"@example.org"},
		{event.KindEmail, "ÉCOLE@EXAMPLE.FR", "école@example.fr"},
		{event.KindEmail, "E\u0301COLE@EXAMPLE.FR", "école@example.fr"},
		{event.KindEmail, "jana", ""},
		{event.KindEmail, "@example.org", ""},
		{event.KindEmail, "jana@", ""},
		{event.KindEmail, "ja na@example.org", ""},
		{event.KindEmail, "jana@exam\x00ple.org", ""},
		{event.KindEmail, "   ", ""},
		{event.KindEmail, "", ""},
		{event.KindEmail, "\xff@example.org", ""},
		{event.KindEmail, long + "@example.org", ""},

		{event.KindPhone, "+421 905 123 456", "+421905123456"},
		{event.KindPhone, "00421905123456", "+421905123456"},
		{event.KindPhone, "00 421/905-123.456", "+421905123456"},
		{event.KindPhone, "+44 (0)20 7946 0958", "+442079460958"},
		{event.KindPhone, "+421\u00a0905\u2011123\u2013456", "+421905123456"},
		{event.KindPhone, "＋４２１９０５１２３４５６", "+421905123456"},
		{event.KindPhone, "\u202a+421905123456\u202c", "+421905123456"},
		{event.KindPhone, "0905 123 456", "0905123456"},
		{event.KindPhone, "(02) 1234567", "021234567"},
		{event.KindPhone, "12345", "12345"},
		{event.KindPhone, "1234", ""},
		{event.KindPhone, "+12345", ""},
		{event.KindPhone, "+0905123456", ""},
		{event.KindPhone, "+1234567890123456", ""},
		{event.KindPhone, "00", ""},
		{event.KindPhone, "+", ""},
		{event.KindPhone, "--()", ""},
		{event.KindPhone, "call me", ""},
		{event.KindPhone, "0905x123456", ""},
		{event.KindPhone, "421+905123456", ""},
		{event.KindPhone, "905123456;ext=1", ""},
		{event.KindPhone, strings.Repeat("1", 100), ""},

		{event.KindUserID, " User-42 ", " User-42 "},
		{event.KindUserID, "nova\u0301k", "nova\u0301k"},
		{event.KindUserID, long, long},
		{event.KindUserID, long + "a", ""},
		{event.KindUserID, "\xc3", ""},
		{event.KindUserID, "", ""},
		{event.KindCustomerID, "K/7", "K/7"},
		{event.KindVisitor, "\x00\xff\xfe", "\x00\xff\xfe"},
		{event.KindVisitor, "", ""},
		{event.KindVisitor, long + "a", ""},
		{event.KindUnknown, "x", ""},
		{event.IdentifierKind(99), "x", ""},
	}
	for _, test := range tests {
		got, err := Normalise(test.kind, []byte(test.in))
		switch {
		case test.want == "" && err == nil:
			t.Errorf("%s %q: accepted as %q", test.kind, test.in, got)
		case test.want == "":
			if !errors.Is(err, ErrIdentifier) || !strings.Contains(err.Error(), test.kind.String()) {
				t.Errorf("%s %q: error %v does not name the kind", test.kind, test.in, err)
			}
			if s := strings.TrimSpace(test.in); len(s) > 3 && strings.Contains(err.Error(), s) {
				t.Errorf("%s %q: the error repeats the value: %v", test.kind, test.in, err)
			}
		case err != nil || string(got) != test.want:
			t.Errorf("%s %q: %q, %v, want %q", test.kind, test.in, got, err, test.want)
		}
	}
}

func FuzzNormalise(f *testing.F) {
	for _, seed := range []string{"Jana@Example.SK", "+421 905 123 456", "0042 1", "İ@x", "\u1e9e@ß", "", "\xff", "K\u212a@\u212b"} {
		for kind := event.KindVisitor; kind <= event.KindCustomerID; kind++ {
			f.Add(uint8(kind), []byte(seed))
		}
	}
	f.Fuzz(func(t *testing.T, kind uint8, value []byte) {
		k := event.IdentifierKind(kind)
		before := bytes.Clone(value)
		once, err := Normalise(k, value)
		if !bytes.Equal(before, value) {
			t.Fatal("the caller's bytes were changed")
		}
		if err != nil {
			return
		}
		if len(once) == 0 || len(once) > MaxIdentifier || k != event.KindVisitor && !utf8.Valid(once) {
			t.Fatalf("accepted what is not usable: %q", once)
		}
		twice, err := Normalise(k, once)
		if err != nil || !bytes.Equal(once, twice) {
			t.Fatalf("not stable: %q, then %q, %v", once, twice, err)
		}
	})
}

func TestPhoneWritingsAreOneNumber(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		digits := rapid.StringMatching(`[1-9][0-9]{6,14}`).Draw(t, "digits")
		separators := rapid.SliceOfN(rapid.SampledFrom([]string{"", " ", "-", ".", "/", "(", ")", "\u00a0"}), len(digits), len(digits)).Draw(t, "separators")
		written := rapid.SampledFrom([]string{"+", "00", " + "}).Draw(t, "prefix")
		for i, digit := range digits {
			written += separators[i] + string(digit)
		}
		if strings.Contains(written, "(0)") {
			return // means something else behind a country code
		}
		got, err := Normalise(event.KindPhone, []byte(written))
		if err != nil || string(got) != "+"+digits {
			t.Fatalf("%q became %q, %v", written, got, err)
		}
	})
}
