package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// eraser rewrites sealed files without the records for which match is true. The
// new file has a salt, and so a key, of its own, and is as long as the old one.
type eraser struct {
	fs    files
	key   []byte
	match func(rec []byte) bool

	waits  func(p Position) bool // nil: nobody asks
	waited int                   // of the erased records
}

// findings are what a search saw in one file.
type findings struct {
	hits int
	end  int64 // behind the last group that counts
	size int64 // of the file
}

// clean says that nothing has to go: no record, and no bytes behind the end.
func (f findings) clean() bool { return f.hits == 0 && f.end == f.size }

// open starts reading a file's groups.
func (e *eraser) open(path string) (source, *frames, header, error) {
	src, err := e.fs.Open(path)
	if err != nil {
		return nil, nil, header{}, err
	}
	size, err := src.Size()
	if err == nil {
		var r *frames
		var h header
		var d Damage
		if r, h, d, err = openFrames(src, size, e.key); err == nil && d == DamageNone {
			return src, r, h, nil
		}
		if err == nil {
			err = &CorruptError{Segment: h.number, Damage: d}
		}
	}
	_ = src.Close()
	return nil, nil, header{}, err
}

// search counts the matching records among the first so many of a file, or of all
// there are when it ends before.
func (e *eraser) search(ctx context.Context, path string, records uint32) (findings, error) {
	src, r, _, err := e.open(path)
	if err != nil {
		return findings{}, err
	}
	defer func() { _ = src.Close() }()
	f := findings{size: r.end}
	var plain []byte
	for err = ctx.Err(); err == nil && r.index < records; {
		if _, plain, err = r.next(plain[:0]); err == nil {
			f.hits += e.count(plain)
			err = ctx.Err()
		}
	}
	f.end = r.offset
	if errors.Is(err, io.EOF) || errors.Is(err, errTorn) {
		err = nil
	}
	return f, err
}

// count returns how many records of a group match.
func (e *eraser) count(plain []byte) (n int) {
	for len(plain) > 0 {
		var rec []byte
		if rec, plain, _ = cutRecord(plain); len(rec) > 0 && e.match(rec) {
			n++
		}
	}
	return n
}

// rewrite writes the groups before end into temp, with tombstones in place of the
// records that match, and returns after that is on disk.
func (e *eraser) rewrite(ctx context.Context, path, temp string, end int64) (erased int, err error) {
	src, r, h, err := e.open(path)
	if err != nil {
		return 0, err
	}
	defer func() { _ = src.Close() }()
	_ = e.fs.Remove(temp) // left by an error
	dst, err := e.fs.Create(temp)
	if err != nil {
		return 0, err
	}
	erased, err = e.copyGroups(ctx, dst, r, h, end)
	if err == nil {
		err = dst.Sync()
	}
	if err = errors.Join(err, dst.Close()); err != nil {
		return 0, errors.Join(fmt.Errorf("rewrite: %w", err), e.fs.Remove(temp))
	}
	return erased, nil
}

// copyGroups seals the groups before end anew. Their counters, times and lengths
// stay.
func (e *eraser) copyGroups(ctx context.Context, dst file, r *frames, h header, end int64) (erased int, err error) {
	h.version = erasedVersion
	if err := h.newSalt(); err != nil {
		return 0, err
	}
	out, aead, err := h.encode(e.key)
	if err != nil {
		return 0, err
	}
	if _, err := dst.Write(out); err != nil {
		return 0, err
	}
	var plain, edited []byte
	for r.offset < end {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		var f frame
		first := position(r.number, r.index)
		if f, plain, err = r.next(plain[:0]); err != nil {
			return 0, err
		}
		var n int
		edited, n = e.edit(edited[:0], plain, first)
		erased += n
		out = sealFrame(out[:0], aead, f, edited)
		if _, err := dst.Write(out); err != nil {
			return 0, err
		}
	}
	return erased, nil
}

// edit appends a group, whose first record lies at first, to dst with tombstones
// where records match.
func (e *eraser) edit(dst, plain []byte, first Position) (_ []byte, erased int) {
	for at := first; len(plain) > 0; at++ {
		rec, rest, _ := cutRecord(plain)
		if len(rec) > 0 && e.match(rec) {
			dst = appendTombstone(dst, len(plain)-len(rest))
			erased++
			if e.waits != nil && e.waits(at) {
				e.waited++
			}
		} else {
			dst = append(dst, plain[:len(plain)-len(rest)]...)
		}
		plain = rest
	}
	return dst, erased
}
