package tcf

import (
	"iter"
	mathbits "math/bits"

	"zgoda/consent/bits"
)

// span is where a set of vendors lies in the text.
type span struct {
	at      uint32 // its first bit or entry
	max     uint16 // the highest id it can hold
	entries uint16
	ranges  bool // entries rather than one bit a vendor
	present bool
}

// Set is a set of vendors as a String holds it: one bit for each, or ranges. The
// zero value is empty.
type Set struct {
	text []byte
	span span
}

// once reads a set of vendors, which must not have been read before.
func (s *span) once(r *bits.Reader) Error {
	if s.present {
		return ErrSegment
	}
	s.present = true
	s.max = uint16(r.Take(16))
	s.ranges = r.Flag()
	if !s.ranges {
		s.at = uint32(r.At())
		r.Skip(int(s.max))
		if r.Short() {
			return ErrShort
		}
		return 0
	}
	s.entries = uint16(r.Take(12))
	s.at = uint32(r.At())
	return checkEntries(r, int(s.entries), int(s.max))
}

// entry reads one entry of ranges: a vendor, or the first and the last of some.
func entry(r *bits.Reader) (first, last int) {
	head := r.Take(17)
	first = int(head & vendorMax)
	if head>>16 == 0 {
		return first, first
	}
	return first, int(r.Take(16))
}

// checkEntries reads n entries, each of which must lie within 1 and highest.
func checkEntries(r *bits.Reader, n, highest int) Error {
	for range n {
		if first, last := entry(r); first == 0 || last < first || last > highest {
			if r.Short() {
				return ErrShort
			}
			return ErrRange
		}
	}
	if r.Short() {
		return ErrShort
	}
	return 0
}

// within says whether one of n entries holds the vendor. It reads all of them,
// so that the reader stands behind them.
func within(r *bits.Reader, n, vendor int) bool {
	found := false
	for range n {
		if first, last := entry(r); first <= vendor && vendor <= last {
			found = true
		}
	}
	return found
}

// Has says whether the vendor is in the set. Ranges are walked.
func (s Set) Has(vendor int) bool {
	if vendor < 1 || vendor > int(s.span.max) {
		return false
	}
	if !s.span.ranges {
		return bits.Bit(s.text, int(s.span.at)+vendor-1)
	}
	r := bits.NewReader(s.text, int(s.span.at))
	for range s.span.entries {
		if first, last := entry(&r); first <= vendor && vendor <= last {
			return true
		}
	}
	return false
}

// Max returns the highest vendor that the set has room for.
func (s Set) Max() int { return int(s.span.max) }

// All yields the vendors of the set as runs, the first and the last of each, in
// the order of the text: runs of ranges may touch or overlap.
func (s Set) All() iter.Seq2[int, int] {
	return func(yield func(first, last int) bool) {
		r := bits.NewReader(s.text, int(s.span.at))
		if s.span.ranges {
			entries(&r, int(s.span.entries), yield)
			return
		}
		start := 0
		for vendor := 1; vendor <= int(s.span.max); vendor++ {
			switch on := r.Flag(); {
			case on && start == 0:
				start = vendor
			case !on && start != 0:
				if !yield(start, vendor-1) {
					return
				}
				start = 0
			}
		}
		if start != 0 {
			yield(start, int(s.span.max))
		}
	}
}

// entries yields n entries and says whether all were taken.
func entries(r *bits.Reader, n int, yield func(first, last int) bool) bool {
	for range n {
		if !yield(entry(r)) {
			return false
		}
	}
	return true
}

// reverse turns n bits round, so that the first one read becomes bit 0.
func reverse(v uint64, n int) uint64 {
	return mathbits.Reverse64(v) >> ((64 - n) & 63) & (1<<(n&63) - 1)
}
