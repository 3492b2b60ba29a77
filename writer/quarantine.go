package writer

import (
	"encoding/binary"
	"time"

	"zgoda/spool"
)

const (
	quarantineSuffix  = ".quarantine"
	quarantineVersion = 1
	keepBytes         = 32 << 20 // of one sealed group
)

// quarantine keeps the records that cannot be stored, sealed.
type quarantine struct{ log *spool.Log }

// keep puts the records of b that are for the quarantine on disk.
func (q *quarantine) keep(b *batch) error {
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

// appendKept appends an entry: version, position in the spool, when, the record.
func appendKept(dst []byte, at spool.Position, now time.Time, rec []byte) []byte {
	dst = append(dst, quarantineVersion)
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	dst = binary.BigEndian.AppendUint64(dst, uint64(now.UnixMilli()))
	return append(dst, rec...)
}
