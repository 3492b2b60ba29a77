package spool

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	markMagic = "zgsmark\n"
	markSize  = 24
)

// Release says that every record of the range has met its fate elsewhere. When
// it returns nil that is on disk, and segments of which nothing waits are gone.
// Ranges may be released in any order; what is remembered over a restart is the
// position up to which all are, so a range that is released before an earlier one
// may be handed out again after a crash.
func (s *Spool) Release(r Range) error {
	s.releasing.Lock()
	defer s.releasing.Unlock()
	mark, moved := s.advance(r)
	if !moved {
		return nil
	}
	err := s.saveMark(mark)
	if noRoom(err) && s.useReserve() {
		err = s.saveMark(mark)
	}
	if err != nil {
		return err
	}
	s.mu.Lock()
	gone := s.passLocked(mark)
	s.mu.Unlock()
	for _, g := range gone {
		// The mark is past it: a file that stays is removed when the spool is opened.
		if err := s.fs.Remove(g.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			s.metrics.leftovers.Inc()
			s.stuck = append(s.stuck, g.path)
		}
	}
	if len(gone) > 0 {
		s.keepReserve()
	}
	return nil
}

// advance notes the range as done and returns how far everything is.
func (s *Spool) advance(r Range) (Position, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.To <= s.mark {
		return s.mark, false
	}
	if !slices.Contains(s.done, r) {
		i, _ := slices.BinarySearchFunc(s.done, r, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
		s.done = slices.Insert(s.done, i, r)
	}
	mark, n := s.mark, 0
	for n < len(s.done) && s.settle(s.done[n].From) <= s.settle(mark) {
		mark = max(mark, s.done[n].To)
		n++
	}
	return s.settle(mark), n > 0
}

// passLocked moves the mark and forgets what lies before it.
func (s *Spool) passLocked(mark Position) (gone []*segment) {
	if at := s.cursor.at; mark > at {
		s.unread -= s.countLocked(at) - s.countLocked(mark)
		s.cursor.at = mark
	}
	s.mark = mark
	s.done = slices.DeleteFunc(s.done, func(r Range) bool { return r.To <= mark })
	s.handed = slices.DeleteFunc(s.handed, func(h handed) bool { return h.to <= mark })
	for len(s.segments) > 0 && s.segments[0] != s.writing && s.segments[0].end() <= mark {
		gone = append(gone, s.segments[0])
		s.bytes -= s.segments[0].size
		s.segments = s.segments[1:]
	}
	s.updateFullLocked()
	return gone
}

// settle returns the position of the first record at or after p, or where the
// next one will be.
func (s *Spool) settle(p Position) Position {
	for _, g := range s.segments {
		if g.number < p.Segment() {
			continue
		}
		if p = max(p, g.start()); p < g.end() || g == s.writing {
			return p
		}
		p = position(g.number+1, 0)
	}
	return p
}

// countLocked returns how many records lie at or after p.
func (s *Spool) countLocked(p Position) int {
	n := 0
	for _, g := range s.segments {
		if g.end() > p {
			n += int(g.end() - max(p, g.start()))
		}
	}
	return n
}

// saveMark puts the release position on disk.
func (s *Spool) saveMark(p Position) error {
	b := append([]byte(nil), markMagic...)
	b = binary.BigEndian.AppendUint32(b, formatVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(p))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	if err := replaceFile(s.fs, filepath.Join(s.cfg.Dir, markName), b); err != nil {
		return fmt.Errorf("save the release position: %w", err)
	}
	return nil
}

// loadMark reads the release position. One that cannot be read is set aside and
// everything on disk is handed out again.
func (s *Spool) loadMark() error {
	path := filepath.Join(s.cfg.Dir, markName)
	b, err := readPrefix(s.fs, path, markSize+1)
	for n := 1; n < s.cfg.ReadTries && unreadable(err); n++ {
		time.Sleep(s.cfg.ProbeEvery)
		b, err = readPrefix(s.fs, path, markSize+1)
	}
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil && !unreadable(err) {
		return fmt.Errorf("read the release position: %w", err)
	}
	if err == nil && len(b) == markSize && string(b[:8]) == markMagic &&
		binary.BigEndian.Uint32(b[8:]) == formatVersion &&
		binary.BigEndian.Uint32(b[20:]) == crc32.Checksum(b[:20], castagnoli) {
		s.mark = Position(binary.BigEndian.Uint64(b[12:]))
		return nil
	}
	s.report(&CorruptError{Damage: DamageMark})
	return s.fs.Rename(path, path+damagedSuffix)
}
