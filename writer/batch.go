package writer

import (
	"slices"
	"time"

	"zgoda/event"
	"zgoda/record"
	"zgoda/spool"
)

// fate is what became of one record of a batch.
type fate uint8

const (
	pending fate = iota
	stored
	duplicate
	quarantined // its fate at the release; written to the quarantine before
	dropped     // dropped + reason
)

// erased is the fate of a record that was erased while it waited.
const erased = dropped + fate(event.ReasonErased)

// batch is one range on its way. Its records stay encoded. Parts of a split batch
// share its memory.
type batch struct {
	entry   entry
	inserts int // answered under the entry's token
	turn    turn
	read    uint64 // the last erasure that was complete when it was read
	oldest  time.Time
	raw     spool.Batch
	fates   []fate  // by record of raw
	first   int     // of raw's records, the first of this part
	of      []int32 // by row, those still to be stored: its record in raw
	ids     []id    // by row
	send    [][]byte
	copies  []*copied       // rows whose id an earlier row has, in order
	settled chan struct{}   // closed once every record has its fate
	earlier []chan struct{} // of the ranges that were in flight when this one came
	unknown bool            // parts of it may be in the store already
	why     error           // the last refusal of a row for its content; nil: there was none
}

// copied is a record that counts as a duplicate for as long as the row that has
// its id may still be stored.
type copied struct {
	of      int32 // its record in raw
	id      id
	turn    turn // of its range
	foreign bool // the other row is in an earlier range
	granted bool // the id is its own now: the other row was not stored
	revived bool // it is a row again
}

// decode looks at every record of a raw batch and makes rows of them in b, whose
// memory it uses again. A record that cannot be read is for the quarantine, and
// one of no bytes was erased.
func (b *batch) decode(raw spool.Batch, s *seen) {
	n := len(raw.Records)
	b.raw, b.oldest, b.first, b.inserts, b.unknown = raw, raw.Oldest, 0, 0, false
	b.fates = slices.Grow(b.fates[:0], n)[:n]
	clear(b.fates)
	b.of, b.ids = slices.Grow(b.of[:0], n), slices.Grow(b.ids[:0], n)
	b.copies, b.earlier, b.settled, b.why = nil, nil, make(chan struct{}), nil
	var v record.View
	for i, rec := range raw.Records {
		switch {
		case len(rec) == 0:
			b.fates[i] = erased
		case v.Read(rec) != nil:
			b.fates[i] = quarantined
		default:
			b.of = append(b.of, int32(i))
			b.ids = append(b.ids, s.id(v.Key()))
		}
	}
}

// drop lets go of the records, so that their memory can be used for others.
func (b *batch) drop() {
	clear(b.send[:cap(b.send)])
	b.raw, b.copies, b.earlier = spool.Batch{}, nil, nil
}

// record returns the encoded record of a row.
func (b *batch) record(row int) []byte { return b.raw.Records[b.of[row]] }

// rows returns the encoded records of all rows. They are good until the next call.
func (b *batch) rows() [][]byte {
	b.send = slices.Grow(b.send[:0], len(b.of))
	for _, at := range b.of {
		b.send = append(b.send, b.raw.Records[at])
	}
	return b.send
}

// settle gives fates to rows and keeps those that stay pending, in order. After
// an error the rows that were not decided yet stay pending.
func (b *batch) settle(decide func(row int) (fate, error)) error {
	n := 0
	var failed error
	for i := range b.of {
		f := pending
		if failed == nil {
			f, failed = decide(i)
		}
		if f != pending && failed == nil {
			b.fates[int(b.of[i])-b.first] = f
			continue
		}
		if n != i {
			b.of[n], b.ids[n] = b.of[i], b.ids[i]
		}
		n++
	}
	b.of, b.ids = b.of[:n], b.ids[:n]
	return failed
}

// all gives every row the same fate.
func (b *batch) all(f fate) { _ = b.settle(func(int) (fate, error) { return f, nil }) }

// revive makes a row again of a copy whose id is its own now.
func (b *batch) revive(c *copied) {
	at, _ := slices.BinarySearch(b.of, c.of)
	b.of, b.ids = slices.Insert(b.of, at, c.of), slices.Insert(b.ids, at, c.id)
	b.fates[int(c.of)-b.first] = pending
	c.revived = true
}

// split halves a batch by its rows. Its records are shared out by position.
func (b *batch) split() (left, right *batch) {
	mid := len(b.of) / 2
	at := b.of[mid]
	pos := b.raw.At(int(at))
	left, right = new(*b), new(*b)
	left.entry = newEntry(spool.Range{From: b.entry.From, To: pos}, b.entry.at)
	left.fates = b.fates[:int(at)-b.first]
	left.of, left.ids = b.of[:mid:mid], b.ids[:mid:mid]
	right.entry = newEntry(spool.Range{From: pos, To: b.entry.To}, b.entry.at)
	right.fates, right.first = b.fates[int(at)-b.first:], int(at)
	right.of, right.ids = b.of[mid:], b.ids[mid:]
	n, _ := slices.BinarySearchFunc(b.copies, at, func(c *copied, at int32) int { return int(c.of) - int(at) })
	left.copies, right.copies = b.copies[:n:n], b.copies[n:]
	for _, half := range []*batch{left, right} {
		half.inserts, half.send = 0, nil
	}
	return left, right
}
