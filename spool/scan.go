package spool

import (
	"crypto/cipher"
	"errors"
	"io"
)

// frames reads the groups of one segment in order, up to a trusted end.
type frames struct {
	src     io.ReaderAt
	aead    cipher.AEAD
	number  uint64
	end     int64 // bytes that may be read
	offset  int64 // of the next group
	counter uint64
	index   uint32 // of the next group's first record
	fixed   [frameSize]byte
	sealed  []byte
	erased  bool // tombstones may be in it
}

// damaged is the error for damage at the next group.
func (r *frames) damaged(d Damage) error {
	return &CorruptError{Segment: r.number, Offset: r.offset, Damage: d}
}

// peek reads the fixed part of the next group: io.EOF at the end, errTorn when
// the group ends early, else a *CorruptError.
func (r *frames) peek() (frame, error) {
	left := r.end - r.offset
	if left == 0 {
		return frame{}, io.EOF
	}
	if left < frameSize {
		return frame{}, errTorn
	}
	if _, err := r.src.ReadAt(r.fixed[:], r.offset); err != nil {
		return frame{}, err
	}
	f, d := decodeFrame(r.fixed[:])
	if d != DamageNone {
		if allZero(r.fixed[:]) && r.restIsZero() {
			return f, errTorn // the length reached the disk and the data did not
		}
		return f, r.damaged(d)
	}
	if f.counter != r.counter {
		return f, r.damaged(DamageOrder)
	}
	if int64(f.length) > left-frameSize {
		return f, errTorn
	}
	return f, nil
}

// skip goes past the group that peek showed.
func (r *frames) skip(f frame) {
	r.offset += frameSize + int64(f.length)
	r.counter++
	r.index += f.records
}

// next reads, checks and opens the next group, appending it to dst.
func (r *frames) next(dst []byte) (frame, []byte, error) {
	f, err := r.peek()
	if err != nil {
		return f, nil, err
	}
	if cap(r.sealed) < int(f.length) {
		r.sealed = make([]byte, f.length)
	}
	r.sealed = r.sealed[:f.length]
	if _, err := r.src.ReadAt(r.sealed, r.offset+frameSize); err != nil {
		return f, nil, err
	}
	plain, d := openFrame(dst, r.aead, f, r.fixed[:], r.sealed)
	if d == DamageNone && !wellFormed(plain[len(dst):], f.records, r.erased) {
		d = DamageLength
	}
	if d != DamageNone {
		return f, nil, r.damaged(d)
	}
	r.skip(f)
	return f, plain, nil
}

// wellFormed says whether a plain group is exactly n records, of which some may
// be erased.
func wellFormed(plain []byte, n uint32, erased bool) bool {
	for ; n > 0; n-- {
		rec, rest, ok := cutRecord(plain)
		if !ok || len(rec) == 0 && !erased {
			return false
		}
		plain = rest
	}
	return len(plain) == 0
}

// restIsZero says whether nothing but zeros follows.
func (r *frames) restIsZero() bool {
	var buf [4096]byte
	for at := r.offset; at < r.end; {
		n, err := r.src.ReadAt(buf[:min(int64(len(buf)), r.end-at)], at)
		if !allZero(buf[:n]) || (err != nil && !errors.Is(err, io.EOF)) || n == 0 {
			return false
		}
		at += int64(n)
	}
	return true
}

// openFrames reads the header of a segment and returns a reader of its groups.
func openFrames(src io.ReaderAt, size int64, key []byte) (*frames, header, Damage, error) {
	var b [headerSize]byte
	if size < headerSize {
		return nil, header{}, DamageHeader, nil
	}
	if _, err := src.ReadAt(b[:], 0); err != nil {
		return nil, header{}, DamageHeader, err
	}
	h, aead, d := decodeHeader(b[:], key)
	if d != DamageNone {
		return nil, h, d, nil
	}
	return &frames{
		src: src, aead: aead, number: h.number, end: size, offset: headerSize, erased: h.version == erasedVersion,
	}, h, DamageNone, nil
}
