package writer

import (
	"context"
	"encoding/binary"
	"errors"
	"time"

	"zgoda/spool"
)

const (
	quarantineSuffix  = ".quarantine"
	quarantineVersion = 1
	keepBytes         = 32 << 20 // of one sealed group
	keptOverhead      = 64       // of one record in it, more than its share of what is around it
)

// keeper is the sealed log under the quarantine.
type keeper interface {
	Append(records [][]byte) error
	Erase(ctx context.Context, match func(rec []byte) bool) (int, error)
	Size() (int64, error)
	Close() error
}

// quarantine keeps the records that cannot be stored, sealed.
type quarantine struct {
	log   keeper
	limit int64
}

// errFull says that the quarantine takes no more until somebody looks at it.
var errFull = errors.New("the quarantine is full: move its files elsewhere or raise max_kept")

// room says whether the records of b that are for the quarantine fit.
func (q *quarantine) room(b *batch) error {
	var size int64
	for i, f := range b.fates {
		if f == quarantined {
			size += keptOverhead + int64(len(b.raw.Records[b.first+i]))
		}
	}
	if size == 0 {
		return nil
	}
	used, err := q.log.Size()
	if err != nil {
		return err
	}
	if used+size > q.limit {
		return errFull
	}
	return nil
}

// keep puts the records of b that are for the quarantine on disk, all or none
// when there is no room.
func (q *quarantine) keep(b *batch) error {
	if err := q.room(b); err != nil {
		return err
	}
	var out [][]byte
	size := 0
	now := time.Now()
	for i, f := range b.fates {
		if f != quarantined {
			continue
		}
		at := b.first + i
		out = append(out, appendKept(nil, b.raw.At(at), now, b.raw.Records[at]))
		if size += len(b.raw.Records[at]); size >= keepBytes {
			if err := q.log.Append(out); err != nil {
				return err
			}
			out, size = nil, 0
		}
	}
	if len(out) == 0 {
		return nil
	}
	return q.log.Append(out)
}

// tellKept says how many records of a range went into the quarantine, and what the
// store last said of one; nothing is said of it where none was refused.
func (w *Writer) tellKept(b *batch) {
	n := 0
	for _, f := range b.fates {
		if f == quarantined {
			n++
		}
	}
	switch {
	case n == 0:
	case b.why == nil:
		w.log.Error("events are in the quarantine", "records", n)
	default:
		w.log.Error("events are in the quarantine", "records", n, "why", why(b.why), "error", b.why)
	}
}

// appendKept appends an entry: version, position in the spool, when, the record.
func appendKept(dst []byte, at spool.Position, now time.Time, rec []byte) []byte {
	dst = append(dst, quarantineVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(now.UnixMilli()))
	return append(dst, rec...)
}

// keptHead is what precedes the record in an entry.
const keptHead = 1 + 8 + 8

// erase takes the entries out whose record match is true for.
func (q *quarantine) erase(ctx context.Context, match func(rec []byte) bool) (int, error) {
	return q.log.Erase(ctx, func(kept []byte) bool { return len(kept) > keptHead && match(kept[keptHead:]) })
}
