package spool

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// inventory is what the folder holds before anything is trusted.
type inventory struct {
	found   []uint64          // segments, ascending
	aside   map[uint64]bool   // segments of which damage is set aside already
	noted   map[uint64]uint64 // trusted lengths, by the headers that came after
	highest uint64            // number ever seen
}

// load reads the folder: what is released is removed, torn tails are cut, damage
// is set aside, the rest waits to be handed out.
func (s *Spool) load() error {
	if err := s.loadMark(); err != nil {
		return err
	}
	inv, err := s.takeInventory()
	if err != nil {
		return err
	}
	s.number = max(inv.highest, s.mark.Segment())
	if len(s.damage) == 0 { // without the mark nobody knows what was released
		s.reportMissing(inv)
	}
	for _, number := range inv.found {
		path := segmentPath(s.cfg.Dir, number)
		g := &segment{number: number, path: path}
		if number >= s.mark.Segment() {
			if err := s.scanPatiently(g, inv); err != nil {
				return fmt.Errorf("recover segment %d: %w", number, err)
			}
		}
		if g.records > 0 && g.end() > s.mark {
			s.segments = append(s.segments, g)
			s.bytes += g.size
			s.previous = g
		} else if err := s.discard(g); err != nil {
			return err
		}
	}
	s.recovered = s.countLocked(s.mark)
	s.unread, s.waiting = s.recovered, s.now()
	return s.fs.SyncDir(s.cfg.Dir)
}

// discard removes a segment of which nothing waits. The mark is put past it
// first, so that its absence is never taken for a loss.
func (s *Spool) discard(g *segment) error {
	if past := position(g.number+1, 0); g.records > 0 && s.mark < past {
		s.mark = past
		if err := s.saveMark(s.mark); err != nil {
			return err
		}
	}
	if err := s.fs.Remove(g.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("remove segment %d: %w", g.number, err)
	}
	return nil
}

// takeInventory lists the folder and gathers the notes in the headers.
func (s *Spool) takeInventory() (*inventory, error) {
	entries, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("list the spool's folder: %w", err)
	}
	inv := &inventory{aside: map[uint64]bool{}, noted: map[uint64]uint64{}}
	for _, e := range entries {
		name := e.Name()
		if strings.HasSuffix(name, ".tmp") {
			if err := s.fs.Remove(filepath.Join(s.cfg.Dir, name)); err != nil {
				return nil, fmt.Errorf("remove what a crash left: %w", err)
			}
		}
		if n, ok := parseSegmentName(name, segmentSuffix); ok {
			inv.found = append(inv.found, n)
			inv.highest = max(inv.highest, n)
		}
		if n, ok := parseSegmentName(name, segmentSuffix+damagedSuffix); ok {
			inv.aside[n] = true
			inv.highest = max(inv.highest, n)
		}
	}
	slices.Sort(inv.found)
	for _, n := range inv.found {
		if h, ok := s.readHeader(n); ok && h.prev != 0 {
			inv.noted[h.prev] = h.prevEnd
		}
	}
	return inv, nil
}

// readHeader reads a segment's header if it is sound.
func (s *Spool) readHeader(number uint64) (header, bool) {
	f, err := os.Open(segmentPath(s.cfg.Dir, number))
	if err != nil {
		return header{}, false
	}
	defer func() { _ = f.Close() }()
	var b [headerSize]byte
	if _, err := io.ReadFull(f, b[:]); err != nil {
		return header{}, false
	}
	h, _, d := decodeHeader(b[:], s.key)
	return h, d == DamageNone && h.number == number
}

// reportMissing reports segments that a header notes, that were not released and
// that are not there.
func (s *Spool) reportMissing(inv *inventory) {
	for _, n := range slices.Sorted(maps.Keys(inv.noted)) {
		if _, there := slices.BinarySearch(inv.found, n); there || inv.aside[n] {
			continue
		}
		if n >= s.mark.Segment() && inv.noted[n] > headerSize {
			s.report(&CorruptError{Segment: n, Damage: DamageMissing})
		}
	}
}

// report counts damage and keeps it for the log.
func (s *Spool) report(e *CorruptError) {
	s.damage = append(s.damage, e)
	s.counts.damaged++
}

// scanPatiently scans a segment, again if the disk does not give it back. When it
// never does, the segment is set aside from there on.
func (s *Spool) scanPatiently(g *segment, inv *inventory) error {
	err := s.scan(g, inv)
	for n := 1; n < s.cfg.ReadTries && unreadable(err); n++ {
		time.Sleep(s.cfg.ProbeEvery)
		err = s.scan(g, inv)
	}
	if !unreadable(err) {
		return err
	}
	s.report(&CorruptError{Segment: g.number, Offset: g.size, Damage: DamageRead})
	if g.records == 0 {
		return s.fs.Rename(g.path, g.path+damagedSuffix)
	}
	err = setAside(s.fs, g.path, g.size)
	if unreadable(err) { // it was readable a moment ago, and may be again
		g.bad = true
		return s.keepDamaged(*g)
	}
	return err
}

// scan reads a whole segment and leaves in g what can be trusted.
func (s *Spool) scan(g *segment, inv *inventory) error {
	g.size, g.records = 0, 0
	f, err := s.fs.Open(g.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	size, err := f.Size()
	if err != nil {
		return err
	}
	noted, isNoted := inv.noted[g.number]
	if isNoted && size > int64(noted) {
		size = int64(noted) // the rest belongs to a group that was given up
		s.counts.torn++
		if err := truncate(g.path, size); err != nil {
			return err
		}
	}
	short := isNoted && size < int64(noted) && !inv.aside[g.number]
	r, h, d, err := openFrames(f, size, s.key)
	if err != nil {
		return err
	}
	if d == DamageNone && h.number != g.number {
		d = DamageHeader
	}
	if d == DamageHeader && !isNoted && neverWritten(f, size) {
		s.counts.torn++ // a crash while it was being begun: nothing in it was acknowledged
		return nil
	}
	if d != DamageNone {
		s.report(&CorruptError{Segment: g.number, Damage: d})
		return s.fs.Rename(g.path, g.path+damagedSuffix)
	}
	return s.scanGroups(g, r, isNoted, short)
}

// scanGroups reads every group and deals with how the segment ends.
func (s *Spool) scanGroups(g *segment, r *frames, isNoted, short bool) error {
	var buf []byte
	var err error
	for err == nil {
		_, buf, err = r.next(buf[:0])
	}
	g.size, g.records = r.offset, r.index
	var damage *CorruptError
	switch {
	case errors.As(err, &damage):
		s.report(damage)
		return setAside(s.fs, g.path, g.size)
	case short:
		s.report(&CorruptError{Segment: g.number, Offset: r.end, Damage: DamageShort})
		return nil
	case errors.Is(err, errTorn) && isNoted:
		s.report(&CorruptError{Segment: g.number, Offset: r.offset, Damage: DamageShort})
		return setAside(s.fs, g.path, g.size)
	case errors.Is(err, errTorn):
		s.counts.torn++
		return truncate(g.path, g.size)
	case errors.Is(err, io.EOF):
		return nil
	}
	return err
}

// neverWritten says whether a file ends before its header does, or holds only zeros.
func neverWritten(f io.ReaderAt, size int64) bool {
	r := frames{src: f, end: size}
	return size < headerSize || r.restIsZero()
}

// truncate cuts a file and waits until that is on disk.
func truncate(path string, size int64) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	err = f.Truncate(size)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// setAside keeps a damaged segment whole under another name, and leaves under its
// own name the good part before the damage.
func setAside(fs files, path string, good int64) error {
	data, err := readPrefix(fs, path, good)
	if err != nil {
		return err
	}
	if err := os.Link(path, path+damagedSuffix); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	return replaceFile(fs, path, data)
}

// readPrefix reads the first n bytes of a file.
func readPrefix(fs files, path string, n int64) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return io.ReadAll(io.NewSectionReader(f, 0, n))
}
