package writer

import (
	"sync"
	"time"
)

// fewest is the smallest limit that a store short of memory can bring about.
const fewest = 1000

// size is how many records a range may have and how long they gather. A range
// takes what waits, up to the limit, so ranges grow by themselves while the store
// is slower than the events; the limit shrinks when the store runs out of memory,
// and grows back slowly. While events come fast they gather longer, since what the
// store does for a row grows with the number of parts that it has to merge.
type size struct {
	mu          sync.Mutex
	most, limit int
	sound       int // ranges stored since it changed

	least, longest, linger time.Duration
}

// busy is how many records make a range that was worth gathering longer for.
const busy = 5000

// growAfter is how many ranges must be stored before the limit grows again.
const growAfter = 20

func newSize(most int, least, longest time.Duration) *size {
	return &size{most: most, limit: most, least: least, longest: longest, linger: least}
}

// gather returns how many records a range may have, and how long it waits for them.
func (s *size) gather() (rows int, linger time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit, s.linger
}

// gathered is for a range that was read with n records.
func (s *size) gathered(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.linger *= 2; n < busy {
		s.linger = s.least
	}
	s.linger = min(s.linger, s.longest)
}

// rows returns the limit.
func (s *size) rows() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.limit
}

// shrink is for a store that could not take n rows at once.
func (s *size) shrink(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.limit, s.sound = max(min(s.limit, n/2), min(fewest, s.most)), 0
}

// stored is for a range that was stored.
func (s *size) stored() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sound++; s.sound >= growAfter && s.limit < s.most {
		s.limit, s.sound = min(s.most, s.limit+s.limit/4+1), 0
	}
}
