package spool

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Run commits groups until ctx ends, then commits what has gathered and returns
// nil. Records put after that are refused with ErrClosed.
func (s *Spool) Run(ctx context.Context) error {
	if !s.running.CompareAndSwap(false, true) {
		return errors.New("run the spool: it runs already")
	}
	defer close(s.ended)
	defer s.shut()
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-s.wake:
			s.gatherMore(ctx, timer)
			s.commitGathered()
		case <-s.probe():
			s.repair()
		case done := <-s.turns:
			done <- s.turnOver()
		case <-ctx.Done():
			s.gather.Lock()
			s.gather.closed = true
			s.gather.Unlock()
			s.commitGathered()
			return nil
		}
	}
}

// probe ticks while the disk fails.
func (s *Spool) probe() <-chan time.Time {
	if s.failed.Load() == nil {
		return nil
	}
	return time.After(s.cfg.ProbeEvery)
}

// gatherMore waits for those who are expected soon, if that pays.
func (s *Spool) gatherMore(ctx context.Context, timer *time.Timer) {
	s.gather.Lock()
	g := s.gather.group
	if g == nil || len(g.buf) > s.cfg.GroupBytes/2 {
		s.gather.Unlock()
		return
	}
	want, wait := s.pace.plan(g.first, g.callers)
	if wait <= 0 {
		s.gather.Unlock()
		s.metrics.wait.Observe(0)
		return
	}
	select {
	case <-s.enough: // left over
	default:
	}
	s.gather.want = want
	s.gather.Unlock()
	began := s.now()
	timer.Reset(wait)
	select {
	case <-s.enough:
	case <-timer.C:
	case <-ctx.Done():
	}
	timer.Stop()
	s.gather.Lock()
	s.gather.want = 0
	s.gather.Unlock()
	s.metrics.wait.Observe(s.now().Sub(began).Seconds())
}

// commitGathered makes the gathered group durable and wakes those who wait for it.
func (s *Spool) commitGathered() {
	g := s.gather.take()
	if g == nil {
		return
	}
	buf := g.buf
	began := s.now()
	s.since.Store(began.UnixNano())
	err := s.commit(g)
	s.since.Store(0)
	ended := s.now()
	if err != nil {
		g.err = fmt.Errorf("%w: %w", ErrFailed, err)
	}
	g.buf = nil
	close(g.done)
	if gathered := s.gather.giveBack(buf); err == nil {
		s.pace.learn(began, ended, g.callers, gathered)
	}
}

// turnOver writes what has gathered and goes on in a new segment, so that nothing
// that is on disk is written to any more.
func (s *Spool) turnOver() error {
	s.commitGathered()
	if s.active == nil || s.active.counter == 0 {
		return nil
	}
	return s.rotate()
}

// commit writes one group. After an error its segment is abandoned and the next
// group goes to a new one.
func (s *Spool) commit(g *group) error {
	if g.records == 0 {
		s.metrics.synced.Add(fillerStep)
		return s.filler.fill(s.fs, s.cfg.Dir)
	}
	if s.spent() {
		if err := s.rotate(); err != nil {
			return s.fail(err)
		}
	}
	now := s.now()
	before := s.active.size
	if err := s.active.append(g.buf, g.records, now); err != nil {
		s.active.abandon()
		s.active = nil
		s.mu.Lock()
		s.writing = nil
		s.mu.Unlock()
		return s.fail(err)
	}
	s.failed.Store(nil)
	s.metrics.group(g.records, s.active.size-before, s.now().Sub(now))
	return s.publish(g.records, s.active.size-before, now)
}

// spent says whether the next group needs a new segment.
func (s *Spool) spent() bool {
	if s.active == nil || s.active.size >= s.cfg.SegmentBytes {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writing.bad
}

// publish lets the reader see what is durable. A group behind damage that the
// reader has met meanwhile could never be read: it is not promised.
func (s *Spool) publish(records uint32, bytes int64, at time.Time) error {
	s.mu.Lock()
	if s.writing.bad {
		s.mu.Unlock()
		return errors.New("the segment was damaged meanwhile")
	}
	s.writing.records += records
	s.writing.size += bytes
	s.bytes += bytes
	if s.unread == 0 {
		s.waiting = at
	}
	s.unread += int(records)
	arrived := s.unread >= s.want
	s.updateFullLocked()
	s.mu.Unlock()
	if arrived {
		notify(s.arrived)
	}
	return nil
}

// rotate begins a new segment, whose header notes how much of the one before is
// to be trusted.
func (s *Spool) rotate() error {
	s.mu.Lock()
	s.number++
	h := header{number: s.number, created: s.now().UnixMilli()}
	if s.previous != nil {
		h.prev, h.prevEnd = s.previous.number, uint64(s.previous.size)
	}
	s.mu.Unlock()
	path := segmentPath(s.cfg.Dir, h.number)
	next, err := create(s.fs, path, h, s.key, s.cfg.SegmentBytes)
	if err != nil {
		return err
	}
	s.metrics.synced.Add(headerSize)
	if s.active != nil {
		s.active.finish()
	}
	s.active = next
	g := &segment{number: h.number, path: path, size: headerSize}
	s.mu.Lock()
	s.segments = append(s.segments, g)
	s.writing, s.previous = g, g
	s.bytes += headerSize
	s.mu.Unlock()
	return nil
}

// fail remembers that the disk is not to be trusted.
func (s *Spool) fail(err error) error {
	s.failed.Store(&failure{fmt.Errorf("%w: %w", ErrFailed, err)})
	s.metrics.failures.Inc()
	return err
}

// repair looks whether a failed disk takes a new segment again.
func (s *Spool) repair() {
	s.since.Store(s.now().UnixNano())
	defer s.since.Store(0)
	if s.spent() {
		if err := s.rotate(); err != nil {
			_ = s.fail(err)
			return
		}
	}
	s.failed.Store(nil)
}

// updateFull applies the limit.
func (s *Spool) updateFull() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.updateFullLocked()
}

// updateFullLocked turns full at MaxBytes and back below the low mark.
func (s *Spool) updateFullLocked() {
	switch {
	case s.bytes >= s.cfg.MaxBytes:
		s.full.Store(true)
	case float64(s.bytes) < s.cfg.LowMark*float64(s.cfg.MaxBytes):
		s.full.Store(false)
	}
}
