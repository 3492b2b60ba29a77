package writer

import "sync"

// fewest is the smallest limit that a store short of memory can bring about.
const fewest = 1000

// size is how many records a range may have. A range takes what waits, up to the
// limit, so ranges grow by themselves while the store is slower than the events;
// the limit shrinks when the store runs out of memory, and grows back slowly.
type size struct {
	mu          sync.Mutex
	most, limit int
	sound       int // ranges stored since it changed
}

// growAfter is how many ranges must be stored before the limit grows again.
const growAfter = 20

func newSize(most int) *size { return &size{most: most, limit: most} }

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
