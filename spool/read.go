package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// cursor is where Next goes on.
type cursor struct {
	at   Position // of the next record
	open source
	r    *frames
	rest []byte   // of the group that was opened last
	next Position // of the first record in rest, or of the next group
	time time.Time
}

// close lets go of the file. The position stays.
func (c *cursor) close() {
	if c.open != nil {
		_ = c.open.Close()
	}
	c.open, c.r, c.rest = nil, nil, nil
}

// offset returns where in the file the reading stands.
func (c *cursor) offset() int64 {
	if c.r == nil {
		return 0
	}
	return c.r.offset
}

// Next waits for a durable record that was not handed out yet, then until
// maxRecords are there or linger has passed, and hands out at most maxRecords of
// them in order. A batch may end inside a group. One caller at a time.
//
// A *CorruptError says that damage was found and set aside: what it says is lost
// is not handed out, and the next call goes on behind it. After any other error
// nothing is lost: call again.
func (s *Spool) Next(ctx context.Context, maxRecords int, linger time.Duration) (Batch, error) {
	if err := s.owed(); err != nil {
		return Batch{}, err
	}
	if err := s.await(ctx, 1, nil); err != nil {
		return Batch{}, err
	}
	if linger > 0 {
		timer := time.NewTimer(linger)
		defer timer.Stop()
		if err := s.await(ctx, maxRecords, timer.C); err != nil {
			return Batch{}, err
		}
	}
	s.reader.Lock()
	defer s.reader.Unlock()
	s.mu.Lock()
	from := s.settle(s.cursor.at)
	s.mu.Unlock()
	b, err := s.collect(&s.cursor, from, Position(1<<64-1), maxRecords)
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(b.Records) == 0 {
		return b, err
	}
	s.cursor.at = b.Range.To
	s.unread -= len(b.Records)
	s.waiting = s.cursor.time
	s.handed = append(s.handed, handed{b.Range.To, b.Oldest})
	s.owe = err // the caller gets the records now and the error with the next call
	return b, nil
}

// owed returns the error that the last Next kept back.
func (s *Spool) owed() error {
	s.reader.Lock()
	defer s.reader.Unlock()
	err := s.owe
	s.owe = nil
	return err
}

// await blocks until n records wait, or the timer fires.
func (s *Spool) await(ctx context.Context, n int, timer <-chan time.Time) error {
	for {
		s.mu.Lock()
		s.want = n
		there := s.unread >= n
		s.mu.Unlock()
		if there {
			return ctx.Err()
		}
		select {
		case <-s.arrived:
		case <-timer:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Read returns the records of a range that are still there: after a restart, those
// of a range that the caller wrote down. Records that were released or lost to
// damage are left out. A *CorruptError means as with Next: read again.
func (s *Spool) Read(r Range) (Batch, error) {
	s.reader.Lock()
	defer s.reader.Unlock()
	s.mu.Lock()
	from := s.settle(max(r.From, s.mark))
	n := s.countLocked(from)
	s.mu.Unlock()
	var c cursor
	defer c.close()
	b, err := s.collect(&c, from, r.To, n)
	if err != nil {
		return Batch{}, err
	}
	b.Range = r
	return b, nil
}

// collect reads at most n records in [from, to).
func (s *Spool) collect(c *cursor, from, to Position, n int) (Batch, error) {
	b := Batch{Range: Range{from, from}}
	bytes := 0
	for len(b.Records) < n && (bytes < s.cfg.ReadBytes || to < 1<<64-1) {
		if len(c.rest) == 0 || c.next != from {
			if err := s.seek(c, from); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				return b, err
			}
			from = c.next
		}
		if from >= to {
			break
		}
		if len(b.Records) == 0 {
			b.Oldest = c.time
		}
		rec, rest, _ := cutRecord(c.rest) // the group was checked when it was opened
		b.add(from, rec)
		bytes += len(rec)
		from++
		c.rest, c.next, b.Range.To = rest, from, from
	}
	return b, nil
}

// seek opens the group that holds the first record at or after p: io.EOF when no
// such record is durable yet.
func (s *Spool) seek(c *cursor, p Position) error {
	s.mu.Lock()
	p = s.settle(p)
	var g segment
	for _, have := range s.segments {
		if have.number == p.Segment() {
			g = *have
		}
	}
	s.mu.Unlock()
	if g.number == 0 || p >= g.end() {
		return io.EOF
	}
	if c.r == nil || c.r.number != g.number || position(g.number, c.r.index) > p {
		if err := s.openCursor(c, g); err != nil {
			return err
		}
	}
	c.r.end = g.size
	for {
		before := c.r.index
		f, err := c.r.peek()
		if err == nil && position(g.number, before+f.records) <= p {
			c.r.skip(f)
			continue
		}
		if err == nil {
			f, c.rest, err = c.r.next(nil)
		}
		if err != nil {
			return s.damagedAt(c, g, err)
		}
		s.refusals.passed(g.number, c.r.offset)
		c.next, c.time = position(g.number, before), time.UnixMilli(f.time)
		break
	}
	for ; c.next < p; c.next++ {
		_, c.rest, _ = cutRecord(c.rest)
	}
	return nil
}

// openCursor starts reading a segment from its beginning.
func (s *Spool) openCursor(c *cursor, g segment) error {
	c.close()
	f, err := s.fs.Open(g.path)
	if errors.Is(err, os.ErrNotExist) {
		return s.damagedAt(c, g, &CorruptError{Segment: g.number, Damage: DamageMissing})
	}
	if err != nil {
		return s.damagedAt(c, g, err)
	}
	r, _, d, err := openFrames(f, g.size, s.key)
	if err == nil && d != DamageNone {
		err = &CorruptError{Segment: g.number, Damage: d}
	}
	if err != nil {
		_ = f.Close()
		return s.damagedAt(c, g, err)
	}
	c.open, c.r = f, r
	return nil
}

// refusals counts how often in a row the disk refused to give the same bytes back.
type refusals struct {
	segment uint64
	offset  int64
	times   int
}

// add counts one more and returns how many there were.
func (r *refusals) add(segment uint64, offset int64) int {
	if r.segment != segment || r.offset != offset {
		*r = refusals{segment: segment, offset: offset}
	}
	r.times++
	return r.times
}

// passed forgets them once what was refused has been read.
func (r *refusals) passed(segment uint64, offset int64) {
	if r.segment == segment && offset > r.offset {
		*r = refusals{}
	}
}

// damagedAt deals with a segment that was sound when it was written or scanned
// and is not any more: from the damage on it is set aside. One that the disk does
// not give back is tried again by later calls, ReadTries times in all.
func (s *Spool) damagedAt(c *cursor, g segment, err error) error {
	var damage *CorruptError
	switch {
	case errors.As(err, &damage):
	case errors.Is(err, errTorn), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		damage = &CorruptError{Segment: g.number, Offset: c.offset(), Damage: DamageShort}
	case unreadable(err) && s.refusals.add(g.number, c.offset()) >= s.cfg.ReadTries:
		damage = &CorruptError{Segment: g.number, Offset: c.offset(), Damage: DamageRead}
	default:
		c.close()
		return fmt.Errorf("read segment %d: %w", g.number, err)
	}
	good := uint32(0)
	if c.r != nil && damage.Offset > 0 {
		good = c.r.index
	}
	c.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, have := range s.segments {
		if have.number != g.number {
			continue
		}
		at := max(s.cursor.at, position(g.number, good))
		damage.Lost = int(max(have.end(), at) - at)
		s.unread -= damage.Lost
		have.records, have.bad = good, true
	}
	s.counts.damaged++
	return errors.Join(damage, s.keepDamaged(g))
}

// keepDamaged gives the damaged segment a second name, so that releasing what was
// sound in it does not take the evidence away. The next Open splits it.
func (s *Spool) keepDamaged(g segment) error {
	err := os.Link(g.path, g.path+damagedSuffix)
	if err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("set segment %d aside: %w", g.number, err)
	}
	return nil
}
