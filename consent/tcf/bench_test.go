package tcf

import (
	"testing"
	"time"
)

// fieldString is a string as a visitor sends it: a bit for each of a thousand
// vendors, three times, and some restrictions.
func fieldString() []byte {
	c := newCore()
	var ids []int
	for id := 1; id <= 1000; id++ {
		if id%7 != 0 {
			ids = append(ids, id)
		}
	}
	c.vendors = func(w *writer) { w.vendorField(1000, ids...) }
	c.vendorsLegInt = func(w *writer) { w.vendorField(1000, ids[:400]...) }
	c.rest = restrictTo(7, 1, run{5, 5}, run{90, 120}, run{755, 755})
	return []byte(c.String() + "." + segmentOf(segmentDisclosed, func(w *writer) { w.vendorField(1000, ids...) }) + "." + publisherOf(7, 7))
}

// rangeString is the same with ranges: forty of them are as long as the bits.
func rangeString() []byte {
	c := newCore()
	var list []run
	for id := 1; id < 1000; id += 25 {
		list = append(list, run{id, id + 20})
	}
	c.vendors = func(w *writer) { w.vendorRanges(1000, list...) }
	c.vendorsLegInt = func(w *writer) { w.vendorRanges(1000, list[:20]...) }
	c.rest = restrictTo(7, 1, run{5, 5}, run{90, 120}, run{755, 755})
	return []byte(c.String() + "." + segmentOf(segmentDisclosed, func(w *writer) { w.vendorRanges(1000, list...) }) + "." + publisherOf(7, 7))
}

var benchTexts = []struct {
	name string
	text []byte
}{{"bits", fieldString()}, {"ranges", rangeString()}}

// BenchmarkCold is all that is asked of a string that was never seen before.
func BenchmarkCold(b *testing.B) {
	for _, bench := range benchTexts {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			now, rules := march.Add(24*time.Hour), DefaultRules()
			for b.Loop() {
				s, err := Parse(bench.text)
				if err != nil || s.Check(now, rules) != nil {
					b.Fatal(err)
				}
				v := s.Vendor(755)
				if s.Allowed(&v, Consent, 0) == 0 {
					b.Fatal("refused")
				}
			}
		})
	}
}

// BenchmarkParse is the reading alone.
func BenchmarkParse(b *testing.B) {
	for _, bench := range benchTexts {
		b.Run(bench.name, func(b *testing.B) {
			b.SetBytes(int64(len(bench.text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(bench.text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// TestColdAllocs: a string that was never seen before is read without allocating.
func TestColdAllocs(t *testing.T) {
	now, rules := march.Add(24*time.Hour), DefaultRules()
	for _, bench := range benchTexts {
		allowed := 0
		n := testing.AllocsPerRun(100, func() {
			s, err := Parse(bench.text)
			if err != nil || s.Check(now, rules) != nil {
				return
			}
			v := s.Vendor(755)
			if s.Allowed(&v, Consent, 0).Has(3) && s.Allows(7, 755, Consent, false) && s.Restriction(7, 755) == RequireConsent {
				allowed++
			}
		})
		if n != 0 || allowed != 101 {
			t.Errorf("%s: %v allocations, %d of 101 allowed", bench.name, n, allowed)
		}
	}
}
