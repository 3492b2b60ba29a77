package spool

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"slices"
)

// Sizes of the format; docs/format/spool.md has the tables.
const (
	formatVersion = 1
	erasedVersion = 2 // of a segment that was rewritten: tombstones are in it
	headerSize    = 88
	frameSize     = 36
	tagSize       = 16
	maxPrefix     = 5        // of a record's length
	maxPlain      = 64 << 20 // of a group
	keySize       = 32
)

const (
	magic    = "zgspool\n"
	keyLabel = "zgoda spool segment 1"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header begins a segment.
type header struct {
	version uint32 // formatVersion when zero
	number  uint64
	created int64  // Unix milliseconds
	prev    uint64 // the segment before, or zero
	prevEnd uint64 // its trusted length: what lies beyond was never acknowledged
	salt    [32]byte
}

// encode returns the header, and the segment's AEAD with it.
func (h *header) encode(key []byte) ([]byte, cipher.AEAD, error) {
	dst := append(make([]byte, 0, headerSize), magic...)
	dst = binary.BigEndian.AppendUint32(dst, max(h.version, formatVersion))
	dst = binary.BigEndian.AppendUint64(dst, h.number)
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.created))
	dst = binary.BigEndian.AppendUint64(dst, h.prev)
	dst = binary.BigEndian.AppendUint64(dst, h.prevEnd)
	aead, check, err := segmentKey(key, h.salt[:], dst)
	if err != nil {
		return nil, nil, err
	}
	dst = append(dst, h.salt[:]...)
	dst = append(dst, check...)
	return binary.BigEndian.AppendUint32(dst, crc32.Checksum(dst, castagnoli)), aead, nil
}

// decodeHeader reads a header and returns the segment's AEAD. Damage is
// DamageNone when all is well.
func decodeHeader(b, key []byte) (h header, aead cipher.AEAD, d Damage) {
	if len(b) < headerSize || string(b[:8]) != magic {
		return h, nil, DamageHeader
	}
	b = b[:headerSize]
	if crc32.Checksum(b[:84], castagnoli) != binary.BigEndian.Uint32(b[84:]) {
		return h, nil, DamageHeader
	}
	if h.version = binary.BigEndian.Uint32(b[8:]); h.version != formatVersion && h.version != erasedVersion {
		return h, nil, DamageVersion
	}
	h.number = binary.BigEndian.Uint64(b[12:])
	h.created = int64(binary.BigEndian.Uint64(b[20:]))
	h.prev = binary.BigEndian.Uint64(b[28:])
	h.prevEnd = binary.BigEndian.Uint64(b[36:])
	copy(h.salt[:], b[44:76])
	aead, check, err := segmentKey(key, h.salt[:], b[:44])
	if err != nil || subtle.ConstantTimeCompare(check, b[76:84]) != 1 {
		return h, nil, DamageKey
	}
	return h, aead, DamageNone
}

// segmentKey derives the key of one segment, and the eight bytes by which a
// wrong key is told from damage. The fixed part of the header goes in, so that
// no header can be put before another's groups.
func segmentKey(key, salt, fixed []byte) (cipher.AEAD, []byte, error) {
	out, err := hkdf.Key(sha256.New, key, salt, keyLabel+string(fixed), keySize+8)
	if err != nil {
		return nil, nil, fmt.Errorf("derive a segment's key: %w", err)
	}
	block, err := aes.NewCipher(out[:keySize])
	if err != nil {
		return nil, nil, fmt.Errorf("derive a segment's key: %w", err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, fmt.Errorf("derive a segment's key: %w", err)
	}
	return aead, out[keySize:], nil
}

// newSalt fills the header's salt.
func (h *header) newSalt() error {
	if _, err := rand.Read(h.salt[:]); err != nil {
		return fmt.Errorf("draw a segment's salt: %w", err)
	}
	return nil
}

// frame is the fixed part before each sealed group.
type frame struct {
	length  uint32 // of the sealed group, tag included
	records uint32
	counter uint64 // the groups of a segment count from zero; also the nonce
	time    int64  // Unix milliseconds
	sum     uint32 // CRC-32C of the sealed group
}

// sealFrame appends frame and sealed group to dst.
func sealFrame(dst []byte, aead cipher.AEAD, f frame, plain []byte) []byte {
	start := len(dst)
	f.length = uint32(len(plain) + tagSize)
	dst = f.associated(dst)
	dst = append(dst, make([]byte, 8)...)
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], f.counter)
	dst = aead.Seal(dst, nonce[:], plain, dst[start:start+frameSize-8])
	sum := crc32.Checksum(dst[start+frameSize:], castagnoli)
	binary.BigEndian.PutUint32(dst[start+frameSize-8:], sum)
	whole := crc32.Checksum(dst[start:start+frameSize-4], castagnoli)
	binary.BigEndian.PutUint32(dst[start+frameSize-4:], whole)
	return dst
}

// associated appends the part of the frame that the seal covers.
func (f *frame) associated(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, formatVersion)
	dst = binary.BigEndian.AppendUint32(dst, f.length)
	dst = binary.BigEndian.AppendUint32(dst, f.records)
	dst = binary.BigEndian.AppendUint64(dst, f.counter)
	return binary.BigEndian.AppendUint64(dst, uint64(f.time))
}

// decodeFrame reads the fixed part of a group.
func decodeFrame(b []byte) (f frame, d Damage) {
	b = b[:frameSize]
	if crc32.Checksum(b[:frameSize-4], castagnoli) != binary.BigEndian.Uint32(b[frameSize-4:]) {
		return f, DamageChecksum
	}
	if binary.BigEndian.Uint32(b) != formatVersion {
		return f, DamageVersion
	}
	f.length = binary.BigEndian.Uint32(b[4:])
	f.records = binary.BigEndian.Uint32(b[8:])
	f.counter = binary.BigEndian.Uint64(b[12:])
	f.time = int64(binary.BigEndian.Uint64(b[20:]))
	f.sum = binary.BigEndian.Uint32(b[28:])
	// A record takes at least two bytes: its length and one of content.
	if f.length < tagSize+2 || f.length > maxPlain+tagSize || f.records == 0 || f.records > (f.length-tagSize)/2 {
		return f, DamageLength
	}
	return f, DamageNone
}

// openFrame checks and opens a sealed group, appending the plain group to dst.
func openFrame(dst []byte, aead cipher.AEAD, f frame, fixed, sealed []byte) ([]byte, Damage) {
	if crc32.Checksum(sealed, castagnoli) != f.sum {
		return nil, DamageChecksum
	}
	var nonce [12]byte
	binary.BigEndian.PutUint64(nonce[4:], f.counter)
	plain, err := aead.Open(dst, nonce[:], sealed, fixed[:frameSize-8])
	if err != nil {
		return nil, DamageSeal
	}
	return plain, DamageNone
}

// appendRecord appends one record to a plain group.
func appendRecord(dst, rec []byte) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(rec)))
	return append(dst, rec...)
}

// appendTombstone appends what stands in the place of an erased record that took
// n bytes with its length: zeros, and a one at the end. It takes as many, so that
// no length that was noted elsewhere changes.
func appendTombstone(dst []byte, n int) []byte {
	dst = slices.Grow(dst, n)
	dst = dst[:len(dst)+n]
	clear(dst[len(dst)-n:])
	dst[len(dst)-1] = 1
	return dst
}

// cutRecord takes the first record off a plain group: of length zero when it was
// erased. The record's capacity ends with it, so that appending to one cannot
// write into the next.
func cutRecord(plain []byte) (rec, rest []byte, ok bool) {
	n, w := binary.Uvarint(plain)
	if w == 1 && n == 0 {
		rest = bytes.TrimLeft(plain, "\x00")
		if len(rest) == 0 || rest[0] != 1 {
			return nil, nil, false
		}
		return plain[:0:0], rest[1:], true
	}
	if w <= 0 || n == 0 || n > uint64(len(plain)-w) {
		return nil, nil, false
	}
	end := w + int(n)
	return plain[w:end:end], plain[end:], true
}

// allZero says whether b holds nothing but zeros.
func allZero(b []byte) bool { return len(bytes.TrimLeft(b, "\x00")) == 0 }
