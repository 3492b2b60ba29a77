package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"zgoda/event"
)

// Part names one personal part of an entry that can be erased by itself. The
// numbers are in the format and are never reused.
type Part uint8

// The parts, in the order in which their commitments are chained.
const (
	PartSubject Part = 1 + iota
	PartLinked
	PartRawSignal
	PartActor
	PartReason
	PartProofRef
	PartGuardianRef
	PartCountry
)

// Parts is the number of parts.
const Parts = int(PartCountry)

// SaltSize is the size of the salt of one part.
const SaltSize = 32

// Commitment binds a part without telling it. The zero Commitment says that the
// entry was written without the part.
type Commitment [32]byte

// Commit returns the commitment to a part's value under its salt.
func Commit(p Part, salt [SaltSize]byte, value []byte) Commitment {
	b := make([]byte, 0, 64+len(value))
	b = append(b, "zgoda ledger part 1\x00"...)
	b = append(b, byte(p))
	b = append(b, salt[:]...)
	b = append(b, value...)
	return sha256.Sum256(b)
}

// Value returns the bytes of a part of the entry; empty when it has none.
func (e *Entry) Value(p Part) []byte {
	switch p {
	case PartSubject:
		return handleBytes(e.Subject)
	case PartLinked:
		return handleBytes(e.Linked)
	case PartRawSignal:
		return []byte(e.RawSignal)
	case PartActor:
		return []byte(e.Actor)
	case PartReason:
		return []byte(e.Reason)
	case PartProofRef:
		return []byte(e.ProofRef)
	case PartGuardianRef:
		return []byte(e.GuardianRef)
	case PartCountry:
		return []byte(e.Country)
	}
	return nil
}

// SetValue is the inverse of Value. It reports false for bytes that cannot be
// the part.
func (e *Entry) SetValue(p Part, value []byte) bool {
	switch p {
	case PartSubject:
		return copyHandle(&e.Subject, value)
	case PartLinked:
		return copyHandle(&e.Linked, value)
	case PartRawSignal:
		e.RawSignal = string(value)
	case PartActor:
		e.Actor = string(value)
	case PartReason:
		e.Reason = string(value)
	case PartProofRef:
		e.ProofRef = string(value)
	case PartGuardianRef:
		e.GuardianRef = string(value)
	case PartCountry:
		e.Country = string(value)
	default:
		return false
	}
	return true
}

func handleBytes(h event.Handle) []byte {
	if h.IsZero() {
		return nil
	}
	return h[:]
}

func copyHandle(h *event.Handle, value []byte) bool {
	if len(value) != len(h) {
		return false
	}
	copy(h[:], value)
	return true
}

// KeyHash returns what is kept of an idempotency key; zero for the empty key.
func KeyHash(site event.SiteID, key string) [32]byte {
	if key == "" {
		return [32]byte{}
	}
	b := append([]byte(nil), "zgoda ledger key 1\x00"...)
	b = appendText(b, string(site))
	b = appendText(b, key)
	return sha256.Sum256(b)
}

// AppendEncoded appends the bytes that Hash hashes, as docs/format/ledger.md
// gives them. e.Writer, e.Number, e.Sequence and e.Previous must be set.
func (e *Entry) AppendEncoded(dst []byte, key [32]byte, parts *[Parts]Commitment) []byte {
	dst = append(dst, "zgoda ledger entry 2\x00"...)
	dst = append(dst, e.Previous[:]...)
	dst = appendText(dst, string(e.Writer))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Number))
	dst = binary.BigEndian.AppendUint64(dst, uint64(e.Sequence))
	dst = appendText(dst, string(e.Site))
	dst = appendText(dst, string(e.Purpose))
	dst = binary.BigEndian.AppendUint32(dst, e.PurposeVersion)
	dst = append(dst, e.TextHash[:]...)
	dst = appendText(dst, e.State.String())
	dst = appendText(dst, e.Type.String())
	dst = appendText(dst, e.Channel)
	dst = appendText(dst, e.Surface)
	dst = appendText(dst, e.Locale)
	dst = appendText(dst, e.Proof.String())
	dst = append(dst, bits(e.GPC, e.DNT, e.Guardian, e.ADPC))
	dst = binary.BigEndian.AppendUint64(dst, uint64(Micros(e.At)))
	dst = binary.BigEndian.AppendUint64(dst, uint64(Micros(e.Until)))
	dst = append(dst, key[:]...)
	for i := range parts {
		dst = append(dst, parts[i][:]...)
	}
	return dst
}

// HashOf returns the entry's hash.
func (e *Entry) HashOf(key [32]byte, parts *[Parts]Commitment) [32]byte {
	return sha256.Sum256(e.AppendEncoded(make([]byte, 0, 640), key, parts))
}

func appendText(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

// Micros returns a time as the ledger writes it: microseconds since 1970, and 0
// for none.
func Micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

// FromMicros is the inverse of Micros.
func FromMicros(micros int64) time.Time {
	if micros == 0 {
		return time.Time{}
	}
	return time.UnixMicro(micros).UTC()
}

// bits packs flags, the first into the lowest bit.
func bits(flags ...bool) byte {
	var b byte
	for i, on := range flags {
		if on {
			b |= 1 << i
		}
	}
	return b
}
