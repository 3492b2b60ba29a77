package jsontape

import "github.com/valyala/fastjson/fastfloat"

// number reads a number and refuses one that a float64 cannot hold.
func (s *scanner) number(begin, at int) int {
	b, i := s.b, begin
	if b[i] == '-' {
		i++
	}
	first := i
	i = s.digits(i)
	whole := i - first
	if whole == 0 || (whole > 1 && b[first] == '0') {
		return s.fail(ErrSyntax)
	}
	if i < len(b) && b[i] == '.' {
		first = i + 1
		if i = s.digits(first); i == first {
			return s.fail(ErrSyntax)
		}
	}
	exponent := i < len(b) && (b[i] == 'e' || b[i] == 'E')
	if exponent {
		i++
		if i < len(b) && (b[i] == '+' || b[i] == '-') {
			i++
		}
		first = i
		if i = s.digits(first); i == first {
			return s.fail(ErrSyntax)
		}
	}
	if whole > 300 || i-begin > 1000 || (exponent && !inRange(b[begin:i])) {
		return s.fail(ErrNumber)
	}
	s.leaf(at, begin, i, Number)
	return i
}

func (s *scanner) digits(i int) int {
	for i < len(s.b) && s.b[i] >= '0' && s.b[i] <= '9' {
		i++
	}
	return i
}

// inRange says whether a number with an exponent is finite.
func inRange(b []byte) bool {
	f, err := fastfloat.Parse(string(b))
	return err == nil && f-f == 0
}
