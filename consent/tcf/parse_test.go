package tcf

import (
	"errors"
	"strings"
	"testing"
)

func with(change func(c *core)) string {
	c := newCore()
	change(c)
	return c.String()
}

func restrictTo(purpose, kind uint64, ranges ...run) func(w *writer) {
	return func(w *writer) { w.put(1, 12).put(purpose, 6).put(kind, 2).ranges(ranges...) }
}

// TestUnreadable: each way to be damaged is named, and never read.
func TestUnreadable(t *testing.T) {
	good := newCore().String()
	shown := shownTo(1, 2)
	ranges := func(highest int, list ...run) string {
		return with(func(c *core) { c.vendors = func(w *writer) { w.vendorRanges(highest, list...) } })
	}
	rest := func(fill func(w *writer)) string { return with(func(c *core) { c.rest = fill }) }
	tests := []struct {
		name, text string
		want       Error
	}{
		{"nothing", "", ErrEmpty},
		{"a dot", ".", ErrEmpty},
		{"a dot at the end", good + ".", ErrEmpty},
		{"an empty segment", good + ".." + shown, ErrEmpty},
		{"a macro that was not replaced", "${GDPR_CONSENT_123}", ErrAlphabet},
		{"padding", good + "=", ErrAlphabet},
		{"white space", good + "\n", ErrAlphabet},
		{"base64 of another alphabet", good + "+", ErrAlphabet},
		{"not ASCII", good + "\xc3\xa9", ErrAlphabet},
		{"too long", good + strings.Repeat("A", MaxLength), ErrLong},
		{"version 1", with(func(c *core) { c.version = 1 }), ErrVersion},
		{"version 3, a GPP string", with(func(c *core) { c.version = 3 }), ErrVersion},
		{"disclosed vendors first", shown, ErrVersion},
		{"no core", shown + "." + good, ErrVersion},
		{"cut within the fixed fields", good[:30], ErrShort},
		{"cut within the vendors", good[:36], ErrShort},
		{"cut before the restrictions", good[:43], ErrShort},
		{"tool 0", with(func(c *core) { c.cmp = 0 }), ErrCMP},
		{"tool 1", with(func(c *core) { c.cmp = 1 }), ErrCMP},
		{"no letter in the language", with(func(c *core) { c.language = 26 }), ErrLetters},
		{"no letter in the country", with(func(c *core) { c.country = 26 << 6 }), ErrLetters},
		{"changed before it was made", with(func(c *core) { c.created++ }), ErrTimes},
		{"vendor 0", ranges(9, run{0, 0}), ErrRange},
		{"a range from 0", ranges(9, run{0, 3}), ErrRange},
		{"a range turned round", ranges(9, run{4, 3}), ErrRange},
		{"a range beyond the highest vendor", ranges(9, run{4, 10}), ErrRange},
		{"a vendor beyond the highest", ranges(9, run{10, 10}), ErrRange},
		{"more entries than text", with(func(c *core) {
			c.vendorsLegInt = func(w *writer) { w.put(9, 16).put(1, 1).put(4095, 12).put(0, 1).put(1, 16) }
			c.rest = func(*writer) {}
		}), ErrShort},
		{"more vendors than text", with(func(c *core) { c.vendors = func(w *writer) { w.put(65535, 16).put(0, 1) } }), ErrShort},
		{"a restriction of purpose 0", rest(restrictTo(0, 1, run{1, 1})), ErrRestriction},
		{"a restriction of purpose 25", rest(restrictTo(25, 1, run{1, 1})), ErrRestriction},
		{"a restriction of type 3", rest(restrictTo(2, 3, run{1, 1})), ErrRestriction},
		{"a restriction for vendor 0", rest(restrictTo(2, 1, run{0, 0})), ErrRange},
		{"more restrictions than text", rest(func(w *writer) { w.put(4095, 12) }), ErrShort},
		{"the core twice", good + "." + good, ErrSegment},
		{"disclosed vendors twice", good + "." + shown + "." + shown, ErrSegment},
		{"publisher twice", good + "." + publisherOf(1, 0) + "." + publisherOf(0, 0), ErrSegment},
		{"a segment of type 4", good + "." + segmentOf(4, func(w *writer) { w.put(0, 40) }), ErrSegment},
		{"a segment of type 7", good + ".____", ErrSegment},
		{"disclosed vendors cut", good + "." + shown[:3], ErrShort},
		{"publisher cut", good + "." + publisherOf(1, 0)[:8], ErrShort},
		{"custom purposes cut", good + "." + segmentOf(segmentPublisher, func(w *writer) { w.put(0, 48).put(63, 6).put(0, 70) }), ErrShort},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s, err := Parse([]byte(test.text))
			if !errors.Is(err, test.want) {
				t.Fatalf("error %v, want %v", err, test.want)
			}
			if s.PurposeConsents() != 0 || s.VendorConsents().Has(1) || s.Allows(2, 1, Consent, false) {
				t.Error("a string that cannot be read says something")
			}
			if text := err.Error(); !strings.HasPrefix(text, "TC string: ") || len(test.text) > 3 && strings.Contains(text, test.text) {
				t.Errorf("error text %q", text)
			}
		})
	}
}

// TestAnyPadding: what stands behind the last field is not looked at, and any
// number of signs will do.
func TestAnyPadding(t *testing.T) {
	good := newCore().String()
	for _, tail := range []string{"", "A", "AA", "AAA", "_", "____"} {
		s := must(t, good+tail+"."+shownTo(2)+tail)
		if shown, ok := s.Disclosed(); !ok || !shown.Has(2) || shown.Has(3) || !s.VendorConsents().Has(3) {
			t.Errorf("%q at the end changes what is read", tail)
		}
	}
}

// TestLongest: the longest string that is taken is read to its end.
func TestLongest(t *testing.T) {
	c := newCore()
	var list []run
	for id := 1; len(c.String()) < MaxLength-60; id += 10 {
		for range 10 {
			list = append(list, run{id, id + 1})
		}
		c.vendors = func(w *writer) { w.vendorRanges(vendorMax, list...) }
	}
	text := c.String()
	s := must(t, text+strings.Repeat("A", MaxLength-len(text)))
	last := list[len(list)-1][1]
	if !s.VendorConsents().Has(last) || s.VendorConsents().Has(last+1) || !s.VendorLegInt().Has(3) {
		t.Error("its end is not read")
	}
	if _, err := Parse([]byte(text + strings.Repeat("A", MaxLength-len(text)+1))); !errors.Is(err, ErrLong) {
		t.Errorf("one more sign: %v", err)
	}
}

// TestErrorsHaveTexts: no two errors look alike.
func TestErrorsHaveTexts(t *testing.T) {
	seen := map[string]bool{}
	for e := ErrEmpty; e <= ErrGlobal; e++ {
		if text := e.Error(); seen[text] || text == "TC string: " {
			t.Errorf("error %d: %q", e, text)
		}
		seen[e.Error()] = true
	}
	if Error(200).Error() != "TC string: not valid" || len(errorTexts) != int(ErrGlobal)+1 {
		t.Error("an error without a text")
	}
}
