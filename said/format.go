package said

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"unicode/utf8"

	"zgoda/event"
	"zgoda/pseudonym/sealed"
)

// Version is the version of the format that Append writes.
const Version = 1

// Bounds of a record's texts, in bytes.
const (
	MaxSite  = 64
	MaxBasis = 1100 // 32 ids of purposes of 32 bytes, and commas
)

const (
	fixedSize = 1 + 8 + 4 + 3*len(event.Handle{})
	redacted  = "[redacted]"
)

// The errors of Read. None holds content.
var (
	ErrVersion = errors.New("said: a version that is not known")
	ErrFormat  = errors.New("said: not what a contact said")
)

// Record is what one event said of its contact, and what that was decided by. It
// prints as [redacted].
type Record struct {
	Sequence event.Sequence   // every change up to it was looked at
	Purposes event.PurposeSet // that it is kept for
	Consent  [3]event.Handle  // consent pseudonyms: the visitor's, the contact's, the second contact's
	Site     event.SiteID
	Basis    string // ids of Purposes, separated by commas
	Blob     []byte // sealed to the keyholder
}

// Format writes "[redacted]" under every verb.
func (Record) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Record) LogValue() slog.Value { return slog.StringValue(redacted) }

// Append appends the encoded record to dst.
func Append(dst []byte, r *Record) []byte {
	dst = append(dst, Version)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Sequence))
	dst = binary.BigEndian.AppendUint32(dst, uint32(r.Purposes))
	for i := range r.Consent {
		dst = append(dst, r.Consent[i][:]...)
	}
	dst = append(binary.AppendUvarint(dst, uint64(len(r.Site))), r.Site...)
	dst = append(binary.AppendUvarint(dst, uint64(len(r.Basis))), r.Basis...)
	return append(binary.AppendUvarint(dst, uint64(len(r.Blob))), r.Blob...)
}

// Read reads what Append wrote, and nothing else: any bytes that it accepts are the one
// encoding of the record returned, which keeps nothing of them.
func Read(b []byte) (*Record, error) {
	if len(b) > 0 && b[0] != Version {
		return nil, ErrVersion
	}
	if len(b) < fixedSize {
		return nil, ErrFormat
	}
	r := &Record{Sequence: event.Sequence(binary.BigEndian.Uint64(b[1:])), Purposes: event.PurposeSet(binary.BigEndian.Uint32(b[9:]))}
	for i := range r.Consent {
		copy(r.Consent[i][:], b[13+i*len(r.Consent[i]):])
	}
	rest := b[fixedSize:]
	site, rest, ok1 := block(rest, MaxSite)
	basis, rest, ok2 := block(rest, MaxBasis)
	blob, rest, ok3 := block(rest, sealed.MaxSaidBlob)
	whole := ok1 && ok2 && ok3 && len(rest) == 0 && len(site) > 0 && len(blob) > 0 && utf8.Valid(site) && utf8.Valid(basis)
	if !whole || r.Purposes == 0 || r.Consent[1].IsZero() {
		return nil, ErrFormat
	}
	r.Site, r.Basis, r.Blob = event.SiteID(site), string(basis), append([]byte(nil), blob...)
	return r, nil
}

// block reads a length, which has one encoding, and as many bytes.
func block(b []byte, limit int) (part, rest []byte, ok bool) {
	n, size := binary.Uvarint(b)
	if size <= 0 || n > uint64(limit) || size > 1 && b[size-1] == 0 || uint64(len(b)-size) < n {
		return nil, nil, false
	}
	b = b[size:]
	return b[:n], b[n:], true
}
