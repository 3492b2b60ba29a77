package spool

import (
	"context"
	"sync"
	"time"
)

// gather is where records wait for the committer to take them. Its lock is held
// for a copy at most, never across I/O.
type gather struct {
	sync.Mutex
	group  *group
	spares [2][]byte // what the committer gave back: one gathers while the other is written
	want   int       // callers at which the committer is told that there are enough; 0 is none
	closed bool
}

// group is the records that one fdatasync makes durable.
type group struct {
	buf     []byte
	records uint32
	callers int       // records, and those who wait without one
	first   time.Time // when the first of them came
	done    chan struct{}
	err     error // set before done is closed
}

// Ticket is one record's place in line. The zero Ticket is nobody's.
type Ticket struct{ group *group }

// Put copies rec into the group that gathers and returns its place in line. It
// does no I/O and takes a short mutex only.
func (s *Spool) Put(rec []byte) (Ticket, error) {
	if len(rec) == 0 || len(rec) > s.cfg.MaxRecord {
		return Ticket{}, ErrTooLarge
	}
	return s.join(rec)
}

// Flush stores nothing and takes as long as storing a record does: it returns
// when the group that gathers now is on disk. For a group without records as
// much is written elsewhere, so that nobody can tell by the clock whether an
// event was stored. Its errors are those of Put and Wait.
func (s *Spool) Flush(ctx context.Context) error {
	ticket, err := s.join(nil)
	if err != nil {
		return err
	}
	return s.Wait(ctx, ticket)
}

// join adds a caller to the group that gathers, with a record or without.
func (s *Spool) join(rec []byte) (Ticket, error) {
	if s.full.Load() {
		return Ticket{}, ErrFull
	}
	if s.failed.Load() != nil {
		return Ticket{}, ErrFailed
	}
	s.gather.Lock()
	if s.gather.closed {
		s.gather.Unlock()
		return Ticket{}, ErrClosed
	}
	g := s.gather.group
	if g == nil {
		g = &group{buf: s.gather.spareLocked(), first: s.now(), done: make(chan struct{})}
		s.gather.group = g
	}
	if len(rec) > 0 && len(g.buf)+len(rec)+maxPrefix > s.cfg.GroupBytes {
		s.gather.Unlock()
		return Ticket{}, ErrFull
	}
	if len(rec) > 0 {
		g.buf = appendRecord(g.buf, rec)
		g.records++
	}
	g.callers++
	first := g.callers == 1
	enough := g.callers == s.gather.want || len(g.buf) > s.cfg.GroupBytes/2
	s.gather.Unlock()
	if first {
		notify(s.wake)
	}
	if enough {
		notify(s.enough)
	}
	return Ticket{g}, nil
}

// Wait returns nil once the record is on disk. Any other answer promises
// nothing: ErrFailed or ErrClosed when the record was given up, or the context's
// error, after which the record may still become durable.
func (s *Spool) Wait(ctx context.Context, t Ticket) error {
	if t.group == nil {
		return ErrClosed
	}
	select {
	case <-t.group.done:
		return t.group.err
	default:
	}
	select {
	case <-t.group.done:
		return t.group.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// isClosed says whether records are refused for good.
func (g *gather) isClosed() bool {
	g.Lock()
	defer g.Unlock()
	return g.closed
}

// take hands the group over to the committer. There may be none.
func (g *gather) take() *group {
	g.Lock()
	defer g.Unlock()
	taken := g.group
	g.group = nil
	return taken
}

// spareLocked takes the larger of the spare buffers.
func (g *gather) spareLocked() (buf []byte) {
	large := &g.spares[0]
	if large == g.leastLocked() {
		large = &g.spares[1]
	}
	buf, *large = *large, nil
	return buf
}

// leastLocked returns the smaller of the spare buffers.
func (g *gather) leastLocked() *[]byte {
	if cap(g.spares[0]) < cap(g.spares[1]) {
		return &g.spares[0]
	}
	return &g.spares[1]
}

// giveBack keeps a buffer for a later group, and returns how many callers have
// gathered meanwhile.
func (g *gather) giveBack(buf []byte) (callers int) {
	g.Lock()
	defer g.Unlock()
	if least := g.leastLocked(); cap(buf) <= keepBuffer && cap(buf) > cap(*least) {
		*least = buf[:0]
	}
	if g.group != nil {
		callers = g.group.callers
	}
	return callers
}

// shut refuses further records and tells those who wait that theirs is given up.
func (s *Spool) shut() {
	s.gather.Lock()
	s.gather.closed = true
	g := s.gather.group
	s.gather.group = nil
	s.gather.Unlock()
	if g != nil {
		g.err = ErrClosed
		close(g.done)
	}
}

// notify wakes whoever waits on c, without waiting itself.
func notify(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
