package spool

// End returns the position behind every record that is durable now.
func (s *Spool) End() Position {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.segments); n > 0 {
		return s.segments[n-1].end()
	}
	return s.mark
}

// WaitsBefore returns how many records before a position are not released.
func (s *Spool) WaitsBefore(p Position) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return max(0, s.countLocked(s.mark)-s.countLocked(max(p, s.mark)))
}
