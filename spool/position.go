package spool

import (
	"fmt"
	"time"
)

// Position is the place of a record: the number of its segment in the upper 32
// bits, its index in the segment in the lower. Segment numbers only grow and a
// segment is never appended to after reopening, so a position is never reused.
type Position uint64

// position makes a Position.
func position(segment uint64, index uint32) Position {
	return Position(segment<<32 | uint64(index))
}

// Segment returns the number of the segment.
func (p Position) Segment() uint64 { return uint64(p) >> 32 }

// Index returns the index of the record in its segment.
func (p Position) Index() uint32 { return uint32(p) }

// String writes the position as segment/index.
func (p Position) String() string { return fmt.Sprintf("%d/%d", p.Segment(), p.Index()) }

// Range is the records from From up to and without To. It may span segments.
type Range struct {
	From, To Position
}

// Batch is the records of one range.
type Batch struct {
	Range   Range
	Records [][]byte  // the caller's to keep; one of length zero was erased
	Oldest  time.Time // when the first of them became durable

	spans []span
}

// span is a run of records that lie one after another in one segment.
type span struct {
	from  Position
	first int // index in Records
}

// At returns the position of the i-th record.
func (b *Batch) At(i int) Position {
	for n := len(b.spans) - 1; n > 0; n-- {
		if s := b.spans[n]; i >= s.first {
			return s.from + Position(i-s.first)
		}
	}
	return b.spans[0].from + Position(i)
}

// add appends a record that lies at p.
func (b *Batch) add(p Position, rec []byte) {
	n := len(b.Records)
	if len(b.spans) == 0 || b.At(n-1)+1 != p {
		b.spans = append(b.spans, span{p, n})
	}
	b.Records = append(b.Records, rec)
}
