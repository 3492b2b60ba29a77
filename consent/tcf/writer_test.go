package tcf

import (
	"strings"
	"testing"
	"time"
)

// writer writes a segment by hand, so that tests can write what no encoder does.
type writer struct{ bits strings.Builder }

func (w *writer) put(value uint64, width int) *writer {
	for i := width - 1; i >= 0; i-- {
		w.bits.WriteByte('0' + byte(value>>i&1))
	}
	return w
}

func (w *writer) String() string {
	all := w.bits.String()
	all += strings.Repeat("0", (6-len(all)%6)%6)
	var out strings.Builder
	for i := 0; i < len(all); i += 6 {
		v := 0
		for _, bit := range all[i : i+6] {
			v = v<<1 | int(bit-'0')
		}
		out.WriteByte(signs[v])
	}
	return out.String()
}

// vendorField writes a set of vendors as one bit each.
func (w *writer) vendorField(highest int, ids ...int) *writer {
	w.put(uint64(highest), 16).put(0, 1)
	for id := 1; id <= highest; id++ {
		on := uint64(0)
		for _, k := range ids {
			if k == id {
				on = 1
			}
		}
		w.put(on, 1)
	}
	return w
}

// vendorRanges writes a set of vendors as ranges; {3, 3} is a single vendor.
func (w *writer) vendorRanges(highest int, ranges ...run) *writer {
	return w.put(uint64(highest), 16).put(1, 1).ranges(ranges...)
}

func (w *writer) ranges(ranges ...run) *writer {
	w.put(uint64(len(ranges)), 12)
	for _, r := range ranges {
		if r[0] == r[1] {
			w.put(0, 1).put(uint64(r[0]), 16)
			continue
		}
		w.put(1, 1).put(uint64(r[0]), 16).put(uint64(r[1]), 16)
	}
	return w
}

// core is a core segment to be altered: made on 1 March 2026 by tool 10 in
// Polish under TCF 2.3, with all purposes on consent and 2 and 7 to 11 on
// legitimate interest, for vendors 1 to 3.
type core struct {
	version, created, updated, cmp uint64
	language, country              uint64
	policy, specific, hidden       uint64
	special, consents, legInt      uint64
	vendors, vendorsLegInt, rest   func(w *writer)
}

var march = time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)

func tenthsOf(at time.Time) uint64 { return uint64(at.UnixMilli() / 100) }

const polish = 15<<6 | 11

func newCore() *core {
	three := func(w *writer) { w.vendorField(3, 1, 2, 3) }
	return &core{
		version: 2, created: tenthsOf(march), updated: tenthsOf(march), cmp: 10, language: polish, country: polish,
		policy: 5, specific: 1, consents: 1<<24 - 1, legInt: 0b010000_111110 << 12,
		vendors: three, vendorsLegInt: three, rest: func(w *writer) { w.put(0, 12) },
	}
}

func (c *core) String() string {
	w := new(writer)
	w.put(c.version, 6).put(c.created, 36).put(c.updated, 36).put(c.cmp, 12).put(1, 12).put(1, 6)
	w.put(c.language, 12).put(100, 12).put(c.policy, 6).put(c.specific, 1).put(0, 1).put(c.special, 12)
	w.put(c.consents, 24).put(c.legInt, 24).put(c.hidden, 1).put(c.country, 12)
	c.vendors(w)
	c.vendorsLegInt(w)
	c.rest(w)
	return w.String()
}

// segmentOf writes a segment of the given type.
func segmentOf(kind uint64, fill func(w *writer)) string {
	w := new(writer).put(kind, 3)
	fill(w)
	return w.String()
}

// shownTo writes the Disclosed Vendors segment.
func shownTo(ids ...int) string {
	return segmentOf(segmentDisclosed, func(w *writer) { w.vendorField(20, ids...) })
}

// publisherOf writes the Publisher TC segment.
func publisherOf(consents, legInt uint64) string {
	return segmentOf(segmentPublisher, func(w *writer) { w.put(consents, 24).put(legInt, 24).put(0, 6) })
}

// must parses a string that is valid.
func must(tb testing.TB, text string) String {
	tb.Helper()
	s, err := Parse([]byte(text))
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return s
}
