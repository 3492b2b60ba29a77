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

// batch is one range on its way, decoded. Parts of a split batch share its memory.
type batch struct {
	entry  entry
	oldest time.Time
	raw    spool.Batch
	fates  []fate          // by record of raw
	first  int             // of raw's records, the first of this part
	rows   []record.Record // still to be stored
	of     []int           // by row: its record in raw
	ids    []id            // by row
	copies []copied        // later copies of rows of the range, by record
}

// copied is a record that counts as a duplicate for as long as an earlier record
// of its range with its id may still be stored.
type copied struct {
	of int // its record in raw
	id id
}

// decode reads every record of a raw batch into b, whose memory it uses again.
// A record that cannot be read is for the quarantine.
func (b *batch) decode(raw spool.Batch, hash func(event.SiteID, string) id) {
	b.raw, b.oldest, b.first = raw, raw.Oldest, 0
	n := len(raw.Records)
	b.fates = append(b.fates[:0], make([]fate, n)...)
	// A row is large: growing bit by bit would copy each several times.
	b.rows, b.of, b.ids = slices.Grow(b.rows[:0], n), slices.Grow(b.of[:0], n), slices.Grow(b.ids[:0], n)
	b.copies = b.copies[:0]
	for i, rec := range raw.Records {
		r, err := record.Decode(rec)
		if err != nil {
			b.fates[i] = quarantined
			continue
		}
		b.rows = append(b.rows, r)
		b.of = append(b.of, i)
		b.ids = append(b.ids, hash(r.Site, r.MessageID))
	}
}

// settle gives fates to rows and keeps those that stay pending, in order. After
// an error the rows that were not decided yet stay pending.
func (b *batch) settle(decide func(i int) (fate, error)) error {
	n := 0
	var failed error
	for i := range b.rows {
		f := pending
		if failed == nil {
			f, failed = decide(i)
		}
		if f != pending && failed == nil {
			b.fates[b.of[i]-b.first] = f
			continue
		}
		if n != i {
			b.rows[n], b.of[n], b.ids[n] = b.rows[i], b.of[i], b.ids[i]
		}
		n++
	}
	b.cut(n)
	return failed
}

// cut keeps the first n rows.
func (b *batch) cut(n int) { b.rows, b.of, b.ids = b.rows[:n], b.of[:n], b.ids[:n] }

// revive makes rows again of the copies whose earlier record was let go, when
// claim says so, and says whether it did.
func (b *batch) revive(claim func(id) bool) (revived bool) {
	kept := b.copies[:0]
	for _, c := range b.copies {
		r, err := record.Decode(b.raw.Records[c.of]) // it could be decoded before
		if err != nil || !claim(c.id) {
			kept = append(kept, c)
			continue
		}
		at, _ := slices.BinarySearch(b.of, c.of)
		b.rows, b.of, b.ids = slices.Insert(b.rows, at, r), slices.Insert(b.of, at, c.of), slices.Insert(b.ids, at, c.id)
		b.fates[c.of-b.first] = pending
		revived = true
	}
	b.copies = kept
	return revived
}

// split halves a batch by its rows. Its records are shared out by position.
func (b *batch) split() (left, right *batch) {
	mid := len(b.rows) / 2
	at := b.of[mid]
	pos := b.raw.At(at)
	left, right = new(*b), new(*b)
	left.entry = newEntry(spool.Range{From: b.entry.From, To: pos})
	left.fates = b.fates[:at-b.first]
	left.rows, left.of, left.ids = b.rows[:mid:mid], b.of[:mid:mid], b.ids[:mid:mid]
	right.entry = newEntry(spool.Range{From: pos, To: b.entry.To})
	right.fates, right.first = b.fates[at-b.first:], at
	right.rows, right.of, right.ids = b.rows[mid:], b.of[mid:], b.ids[mid:]
	n, _ := slices.BinarySearchFunc(b.copies, at, func(c copied, at int) int { return c.of - at })
	left.copies, right.copies = b.copies[:n:n], b.copies[n:]
	return left, right
}
