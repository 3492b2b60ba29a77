package cookie

import "bytes"

// Sole finds the value of the consent cookie among all cookies of a request. A
// browser sends one, with something in it: an empty one, and two that differ, may
// hide a refusal, and come to a value that no site can read. The zero Sole is
// ready. The value is that of the caller's bytes.
type Sole struct {
	value []byte
	found int
}

// unreadable opens as no cookie of any site.
var unreadable = []byte("?")

// See takes one cookie as it stands in the header, and says whether to go on.
func (s *Sole) See(name, value []byte) bool {
	if string(name) != Choice {
		return true
	}
	if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
		value = value[1 : n-1]
	}
	if s.found++; len(value) == 0 || s.found > 1 && !bytes.Equal(value, s.value) {
		s.value = unreadable
		return false
	}
	s.value = value
	return true
}

// Value returns the value, nil for no cookie.
func (s *Sole) Value() []byte { return s.value }
