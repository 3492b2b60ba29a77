package jsontape

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf8"
)

// scanner reads a body. Its functions take the place where they begin and return
// the one behind what they read, negative after an error.
type scanner struct {
	d        *Document
	b        []byte
	maxDepth int
	escaped  bool   // the last text held an escape
	hash     uint64 // of the last name
	err      error  // why reading stopped
	flaw     error  // the body is JSON but not fit for use
}

func (s *scanner) fail(err error) int {
	s.err = err
	return -1
}

// space passes over space. Most tokens have none before them.
func (s *scanner) space(i int) int {
	if i < len(s.b) && s.b[i] > ' ' {
		return i
	}
	return s.spaces(i)
}

func (s *scanner) spaces(i int) int {
	for i < len(s.b) && (s.b[i] == ' ' || s.b[i] == '\t' || s.b[i] == '\n' || s.b[i] == '\r') {
		i++
	}
	return i
}

// value reads the value at i, inside of depth containers, into the node at.
func (s *scanner) value(i, depth, at int) int {
	if i >= len(s.b) {
		return s.fail(ErrSyntax)
	}
	switch c := s.b[i]; c {
	case '"':
		return s.stringValue(i+1, at)
	case '{':
		return s.object(i, depth+1, at)
	case '[':
		return s.array(i, depth+1, at)
	case 't':
		return s.word(i, at, "true", True)
	case 'f':
		return s.word(i, at, "false", False)
	case 'n':
		return s.word(i, at, "null", Null)
	default:
		if c == '-' || (c >= '0' && c <= '9') {
			return s.number(i, at)
		}
		return s.fail(ErrSyntax)
	}
}

func (s *scanner) word(i, at int, w string, kind Type) int {
	if len(s.b)-i < len(w) || string(s.b[i:i+len(w)]) != w {
		return s.fail(ErrSyntax)
	}
	s.leaf(at, i, i+len(w), kind)
	return i + len(w)
}

// leaf notes a value without anything in it.
func (s *scanner) leaf(at, begin, end int, kind Type) {
	n := &s.d.nodes[at]
	n.text, n.textLen, n.kind = uint32(begin), uint32(end-begin), kind
}

func (s *scanner) stringValue(begin, at int) int {
	end := s.text(begin)
	if end < 0 {
		return end
	}
	s.leaf(at, begin, end, String)
	if s.escaped {
		n := &s.d.nodes[at]
		n.text, n.textLen = s.d.unescape(s.b[begin:end])
		n.flags |= plainText
	}
	return end + 1
}

// text reads a text whose inside begins at i and returns where its closing quote
// is. Eight bytes are looked at together where none of them is special.
func (s *scanner) text(i int) int {
	s.escaped = false
	b := s.b
	for i < len(b) {
		if i+8 <= len(b) {
			marks := special(binary.LittleEndian.Uint64(b[i:]))
			i += bits.TrailingZeros64(marks) >> 3
			if marks == 0 {
				continue
			}
		}
		switch c := b[i]; {
		case c == '"':
			return i
		case c == '\\':
			if i = s.escape(i); i < 0 {
				return i
			}
		case c == 0:
			return s.fail(ErrNUL)
		case c < 0x20:
			return s.fail(ErrSyntax)
		case c < utf8.RuneSelf: // one of the last bytes of the body
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			if r == utf8.RuneError && size == 1 {
				return s.fail(ErrUTF8)
			}
			i += size
		}
	}
	return s.fail(ErrSyntax)
}

// special marks, by its top bit, each byte of x that is a quote, a backslash, a
// control or not ASCII. Bytes above the lowest mark may be marked for nothing.
func special(x uint64) uint64 {
	const (
		low   = 0x0101010101010101
		top   = 0x8080808080808080
		quote = low * '"'
		slash = low * '\\'
	)
	// A byte below its bound, and one that is zero, get their top bit by the
	// borrow; where the top bit was set before, the byte is not ASCII.
	return (x | (x - low*0x20) | (x ^ quote - low) | (x ^ slash - low)) & top
}

// escape reads one escape sequence. A surrogate without its other half is let
// through: browsers write one for a text cut in the middle of a character.
func (s *scanner) escape(i int) int {
	s.escaped = true
	if i+1 >= len(s.b) {
		return s.fail(ErrSyntax)
	}
	switch s.b[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2
	case 'u':
	default:
		return s.fail(ErrSyntax)
	}
	if i+6 > len(s.b) {
		return s.fail(ErrSyntax)
	}
	zero := true
	for _, c := range s.b[i+2 : i+6] {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return s.fail(ErrSyntax)
		}
		zero = zero && c == '0'
	}
	if zero {
		return s.fail(ErrNUL)
	}
	return i + 6
}
