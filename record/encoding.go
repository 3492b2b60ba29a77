package record

import (
	"encoding/binary"
	"errors"
	"time"

	"zgoda/event"
)

// Version is the first byte of an encoded record without flags.
const Version = 1

// FlaggedVersion is the first byte of one with flags, which stand before the
// lengths. A record has one encoding: without flags it is of Version, as it was
// before there were any.
const FlaggedVersion = 2

const (
	handleSize = len(event.Handle{})
	fixedSize  = 1 + 1 + 1 + 3*8 + 4*3 + 8 + 5*handleSize + len(event.Blinded{})
	flagsSize  = 1
	texts      = 21
)

// The years that a time may lie in: what every store downstream can hold.
var (
	minTime = time.Time{}.UnixMilli()
	maxTime = time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC).UnixMilli()
)

// The reasons why Decode refuses.
var (
	ErrVersion   = errors.New("record is of an unknown version")
	ErrTruncated = errors.New("record is cut short")
	ErrTrailing  = errors.New("record has bytes after its end")
	ErrValue     = errors.New("record holds a value out of range")
)

// texts lists the record's texts in the order they are encoded in.
func (r *Record) texts() [texts]string {
	return [texts]string{
		string(r.Site), r.MessageID, r.Name, r.PageHost, r.PagePath, r.PageQuery, r.PageTitle,
		r.RefHost, r.RefPath, r.Campaign.Name, r.Campaign.Source, r.Campaign.Medium, r.Campaign.Term,
		r.Campaign.Content, r.Browser, r.OS, r.Device, r.Country, r.SourceTag, r.Properties, r.DecidedBy,
	}
}

func (r *Record) setTexts(t *[texts]string) {
	r.Site, r.MessageID, r.Name, r.PageHost, r.PagePath = event.SiteID(t[0]), t[1], t[2], t[3], t[4]
	r.PageQuery, r.PageTitle, r.RefHost, r.RefPath = t[5], t[6], t[7], t[8]
	r.Campaign = event.Campaign{Name: t[9], Source: t[10], Medium: t[11], Term: t[12], Content: t[13]}
	r.Browser, r.OS, r.Device, r.Country, r.SourceTag = t[14], t[15], t[16], t[17], t[18]
	r.Properties, r.DecidedBy = t[19], t[20]
}

// Append appends the encoded record to dst. The format is described byte by byte
// in docs/format/record.md. It keeps nothing of r.
func Append(dst []byte, r *Record) []byte {
	version := byte(Version)
	if r.Flags != 0 {
		version = FlaggedVersion
	}
	dst = append(dst, version, byte(r.Type), byte(r.Scope))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Time.UnixMilli()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.ReceivedAt.UnixMilli()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.ExpiresAt.Unix()))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Purposes))
	dst = binary.BigEndian.AppendUint32(dst, r.PolicyVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.KeyVersion))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Sequence))
	dst = append(dst, r.Subject[:]...)
	dst = append(dst, r.Visitor[:]...)
	for i := range r.Consent {
		dst = append(dst, r.Consent[i][:]...)
	}
	dst = append(dst, r.Group[:]...)
	if r.Flags != 0 {
		dst = append(dst, byte(r.Flags))
	}
	all := r.texts()
	for i := range all {
		dst = binary.AppendUvarint(dst, uint64(len(all[i])))
	}
	for i := range all {
		dst = append(dst, all[i]...)
	}
	return dst
}

// Decode reads what Append wrote, and nothing else: any input that it accepts is
// the one encoding of the record returned. It keeps nothing of b and makes one
// string, which all texts share.
func Decode(b []byte) (Record, error) {
	fixed, flags, err := head(b)
	if err != nil {
		return Record{}, err
	}
	r, err := decodeFixed(b)
	if err != nil {
		return Record{}, err
	}
	r.Flags = flags
	var lengths [texts]int
	rest, total, err := decodeLengths(b[fixed:], &lengths)
	switch {
	case err != nil:
		return Record{}, err
	case len(rest) < total:
		return Record{}, ErrTruncated
	case len(rest) > total:
		return Record{}, ErrTrailing
	}
	joined := string(rest)
	var all [texts]string
	for i, n := range lengths {
		all[i], joined = joined[:n], joined[n:]
	}
	r.setTexts(&all)
	return r, nil
}

// head reads the version and the flags, and returns where the lengths begin.
func head(b []byte) (fixed int, flags event.Flags, err error) {
	switch {
	case len(b) == 0:
		return 0, 0, ErrTruncated
	case b[0] != Version && b[0] != FlaggedVersion:
		return 0, 0, ErrVersion
	case len(b) < fixedSize:
		return 0, 0, ErrTruncated
	case b[0] == Version:
		return fixedSize, 0, nil
	case len(b) < fixedSize+flagsSize:
		return 0, 0, ErrTruncated
	}
	if flags = event.Flags(b[fixedSize]); flags == 0 || flags&^event.FlagsKnown != 0 {
		return 0, 0, ErrValue
	}
	return fixedSize + flagsSize, flags, nil
}

// decodeFixed reads the part before the lengths.
func decodeFixed(b []byte) (Record, error) {
	r := Record{Type: event.Type(b[1]), Scope: event.Scope(b[2])}
	at := int64(binary.BigEndian.Uint64(b[3:]))
	received := int64(binary.BigEndian.Uint64(b[11:]))
	expires := int64(binary.BigEndian.Uint64(b[19:]))
	if r.Type > event.TypeAlias || r.Scope > event.ScopePerson || !inRange(at) || !inRange(received) ||
		expires < minTime/1000 || expires > maxTime/1000 {
		return Record{}, ErrValue
	}
	r.Time, r.ReceivedAt = time.UnixMilli(at).UTC(), time.UnixMilli(received).UTC()
	r.ExpiresAt = time.Unix(expires, 0).UTC()
	r.Purposes = event.PurposeSet(binary.BigEndian.Uint32(b[27:]))
	r.PolicyVersion = binary.BigEndian.Uint32(b[31:])
	r.KeyVersion = event.KeyVersion(binary.BigEndian.Uint32(b[35:]))
	r.Sequence = event.Sequence(binary.BigEndian.Uint64(b[39:]))
	rest := b[47:]
	for _, h := range [...]*event.Handle{&r.Subject, &r.Visitor, &r.Consent[0], &r.Consent[1], &r.Consent[2]} {
		rest = rest[copy(h[:], rest):]
	}
	copy(r.Group[:], rest)
	return r, nil
}

func inRange(ms int64) bool { return ms >= minTime && ms <= maxTime }

// decodeLengths reads the lengths and returns what follows them, and their sum.
func decodeLengths(b []byte, lengths *[texts]int) (rest []byte, total int, err error) {
	for i := range lengths {
		n, size := binary.Uvarint(b)
		if size == 0 {
			return nil, 0, ErrTruncated
		}
		// A length has one encoding, and the sum cannot overflow.
		if size < 0 || (size > 1 && b[size-1] == 0) || n > 1<<30 {
			return nil, 0, ErrValue
		}
		lengths[i] = int(n)
		total += int(n)
		b = b[size:]
	}
	return b, total, nil
}
