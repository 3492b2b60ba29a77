package segment

import (
	"bytes"
	"errors"
	"unicode/utf8"

	"github.com/valyala/fastjson/fastfloat"
)

// The ways in which a body is not what it must be. None carries content.
var (
	ErrEmpty     = errors.New("the body is empty")
	ErrSyntax    = errors.New("the body is not JSON")
	ErrDepth     = errors.New("the JSON is nested too deep")
	ErrUTF8      = errors.New("a text is not UTF-8")
	ErrNUL       = errors.New("a text holds a NUL")
	ErrNumber    = errors.New("a number is out of range")
	ErrDuplicate = errors.New("a member is named twice")
	ErrNotObject = errors.New("the body is not a JSON object")
)

// Check reads the whole of body once, strictly (RFC 8259), without allocating.
// The parser behind it is lenient, slow to refuse and repeats content in its
// errors, so nothing reaches it that this does not accept.
func Check(body []byte, maxDepth int) error {
	s := scanner{b: body, max: maxDepth}
	s.space()
	if s.i == len(body) {
		return ErrEmpty
	}
	if err := s.value(0); err != nil {
		return err
	}
	s.space()
	if s.i != len(body) {
		return ErrSyntax
	}
	return nil
}

// CheckText says whether a text that came outside of JSON may go on.
func CheckText(s []byte) error {
	if !utf8.Valid(s) {
		return ErrUTF8
	}
	if bytes.IndexByte(s, 0) >= 0 {
		return ErrNUL
	}
	return nil
}

type scanner struct {
	b   []byte
	i   int
	max int
}

func (s *scanner) space() {
	for s.i < len(s.b) && (s.b[s.i] == ' ' || s.b[s.i] == '\t' || s.b[s.i] == '\n' || s.b[s.i] == '\r') {
		s.i++
	}
}

// next skips space and returns the byte there, 0 at the end.
func (s *scanner) next() byte {
	s.space()
	if s.i == len(s.b) {
		return 0
	}
	return s.b[s.i]
}

func (s *scanner) value(depth int) error {
	switch c := s.next(); {
	case c == '{':
		return s.members(depth+1, '}', true)
	case c == '[':
		return s.members(depth+1, ']', false)
	case c == '"':
		return s.text()
	case c == '-' || (c >= '0' && c <= '9'):
		return s.number()
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return ErrSyntax
}

// members reads the inside of an object or an array up to its end.
func (s *scanner) members(depth int, end byte, named bool) error {
	if depth > s.max {
		return ErrDepth
	}
	s.i++
	if s.next() == end {
		s.i++
		return nil
	}
	for {
		if named {
			if s.next() != '"' {
				return ErrSyntax
			}
			if err := s.text(); err != nil {
				return err
			}
			if s.next() != ':' {
				return ErrSyntax
			}
			s.i++
		}
		if err := s.value(depth); err != nil {
			return err
		}
		switch s.next() {
		case ',':
			s.i++
		case end:
			s.i++
			return nil
		default:
			return ErrSyntax
		}
	}
}

func (s *scanner) word(w string) error {
	if len(s.b)-s.i < len(w) || string(s.b[s.i:s.i+len(w)]) != w {
		return ErrSyntax
	}
	s.i += len(w)
	return nil
}

// text reads a string whose opening quote is at s.i.
func (s *scanner) text() error {
	s.i++
	for s.i < len(s.b) {
		switch c := s.b[s.i]; {
		case c == '"':
			s.i++
			return nil
		case c == '\\':
			if err := s.escape(); err != nil {
				return err
			}
		case c == 0:
			return ErrNUL
		case c < 0x20:
			return ErrSyntax
		case c < utf8.RuneSelf:
			s.i++
		default:
			r, size := utf8.DecodeRune(s.b[s.i:])
			if r == utf8.RuneError && size == 1 {
				return ErrUTF8
			}
			s.i += size
		}
	}
	return ErrSyntax
}

// escape reads one escape sequence. A surrogate without its other half is let
// through: browsers write one for a text cut in the middle of a character.
func (s *scanner) escape() error {
	if s.i+1 >= len(s.b) {
		return ErrSyntax
	}
	switch s.b[s.i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.i += 2
		return nil
	case 'u':
	default:
		return ErrSyntax
	}
	if s.i+6 > len(s.b) {
		return ErrSyntax
	}
	zero := true
	for _, c := range s.b[s.i+2 : s.i+6] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return ErrSyntax
		}
		zero = zero && c == '0'
	}
	if zero {
		return ErrNUL
	}
	s.i += 6
	return nil
}

// number reads a number and refuses one that a float64 cannot hold.
func (s *scanner) number() error {
	start := s.i
	if s.b[s.i] == '-' {
		s.i++
	}
	whole := s.digits()
	if whole == 0 || (whole > 1 && s.b[s.i-whole] == '0') {
		return ErrSyntax
	}
	exponent := false
	if s.i < len(s.b) && s.b[s.i] == '.' {
		s.i++
		if s.digits() == 0 {
			return ErrSyntax
		}
	}
	if s.i < len(s.b) && (s.b[s.i] == 'e' || s.b[s.i] == 'E') {
		exponent = true
		s.i++
		if s.i < len(s.b) && (s.b[s.i] == '+' || s.b[s.i] == '-') {
			s.i++
		}
		if s.digits() == 0 {
			return ErrSyntax
		}
	}
	if whole > 300 || s.i-start > 1000 {
		return ErrNumber
	}
	if exponent && !inRange(s.b[start:s.i]) {
		return ErrNumber
	}
	return nil
}

func (s *scanner) digits() (n int) {
	for s.i < len(s.b) && s.b[s.i] >= '0' && s.b[s.i] <= '9' {
		s.i++
		n++
	}
	return n
}

// inRange says whether a number with an exponent is finite.
func inRange(b []byte) bool {
	f, err := fastfloat.Parse(string(b))
	return err == nil && f-f == 0
}
