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
	if r.Short() {
		return ErrShort
	}
	at, e := checkEntries(r.Text(), int(s.at), int(s.entries), int(s.max))
	*r = bits.NewReader(r.Text(), at)
	return e
}

// entry reads one entry of ranges, a vendor or the first and the last of some,
// and returns where the next begins.
func entry(text []byte, at int) (first, last, next int) {
	w := bits.Window(text, at)
	first = int(w >> 47 & vendorMax)
	if w>>63 == 0 {
		return first, first, at + 17
	}
	return first, int(w >> 31 & vendorMax), at + 33
}

// checkEntries reads n entries, each of which must lie within 1 and highest, and
// returns where the last of them ends.
func checkEntries(text []byte, at, n, highest int) (int, Error) {
	end := len(text) * bits.Width
	for range n {
		var first, last int
		first, last, at = entry(text, at)
		if at > end {
			return end, ErrShort
		}
		if first == 0 || last < first || last > highest {
			return end, ErrRange
		}
	}
	return at, 0
}

// within says whether one of n entries holds the vendor, and returns where the
// last of them ends.
func within(text []byte, at, n, vendor int) (found bool, next int) {
	for range n {
		var first, last int
		first, last, at = entry(text, at)
		if first <= vendor && vendor <= last {
			found = true
		}
	}
	return found, at
}

// Has says whether the vendor is in the set. Ranges are walked.
func (s Set) Has(vendor int) bool {
	if vendor < 1 || vendor > int(s.span.max) {
		return false
	}
	if !s.span.ranges {
		return bits.Bit(s.text, int(s.span.at)+vendor-1)
	}
	found, _ := within(s.text, int(s.span.at), int(s.span.entries), vendor)
	return found
}

// Max returns the highest vendor that the set has room for.
func (s Set) Max() int { return int(s.span.max) }

// All yields the vendors of the set as runs, the first and the last of each, in
// the order of the text: runs of ranges may touch or overlap.
func (s Set) All() iter.Seq2[int, int] {
	return func(yield func(first, last int) bool) {
		if s.span.ranges {
			entries(s.text, int(s.span.at), int(s.span.entries), yield)
			return
		}
		r := bits.NewReader(s.text, int(s.span.at))
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

// entries yields n entries and returns where the last of them ends, or -1 if they
// were not all taken.
func entries(text []byte, at, n int, yield func(first, last int) bool) int {
	for range n {
		var first, last int
		if first, last, at = entry(text, at); !yield(first, last) {
			return -1
		}
	}
	return at
}

// reverse turns n bits round, so that the first one read becomes bit 0.
func reverse(v uint64, n int) uint64 {
	return mathbits.Reverse64(v) >> ((64 - n) & 63) & (1<<(n&63) - 1)
}
