package gateway

import (
	"errors"
	"sync/atomic"
)

// freeBytes of every body are not counted: so much a connection may hold
// anyway, and small requests should cost no shared counter.
const freeBytes = 8 << 10

// errNoMemory: the bodies that are being handled hold all that they may.
var errNoMemory = errors.New("no memory is left for bodies")

// budget bounds what all bodies in flight hold together, as read and as
// unpacked. It counts what has come, not what was announced.
type budget struct {
	limit int64
	held  atomic.Int64
}

func (b *budget) take(n int) bool {
	if b.held.Add(int64(n)) <= b.limit {
		return true
	}
	b.held.Add(-int64(n))
	return false
}

func (b *budget) give(n int) { b.held.Add(-int64(n)) }

// share is what one request has taken of the budget.
type share struct {
	of    *budget
	taken int
}

// hold makes the share cover that many bytes.
func (s *share) hold(bytes int) error {
	more := bytes - freeBytes - s.taken
	if more <= 0 {
		return nil
	}
	if !s.of.take(more) {
		return errNoMemory
	}
	s.taken += more
	return nil
}

func (s *share) release() {
	if s.taken > 0 {
		s.of.give(s.taken)
		s.taken = 0
	}
}
