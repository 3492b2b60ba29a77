package jsontape

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// unescape appends the text that s, whose escapes were read already, stands for
// and returns where it is.
func (d *Document) unescape(s []byte) (at, size uint32) {
	begin := len(d.plain)
	out := d.plain
	for {
		i := bytes.IndexByte(s, '\\')
		if i < 0 {
			break
		}
		out = append(out, s[:i]...)
		c := s[i+1]
		if s = s[i+2:]; c == 'u' {
			out, s = unicode(out, s)
			continue
		}
		out = append(out, letter(c))
	}
	d.plain = append(out, s...)
	return uint32(begin), uint32(len(d.plain) - begin)
}

// letter returns what an escape of one letter stands for.
func letter(c byte) byte {
	switch c {
	case 'b':
		return '\b'
	case 'f':
		return '\f'
	case 'n':
		return '\n'
	case 'r':
		return '\r'
	case 't':
		return '\t'
	default:
		return c
	}
}

// unicode appends what the four digits before the rest of s, and the other half
// behind them, stand for. A surrogate without another escape behind it stays as
// it was written, since UTF-8 has nothing for it.
func unicode(out, s []byte) (after, rest []byte) {
	r := hex4(s)
	if !utf16.IsSurrogate(r) {
		return utf8.AppendRune(out, r), s[4:]
	}
	if len(s) < 10 || s[4] != '\\' || s[5] != 'u' {
		return append(append(out, '\\', 'u'), s[:4]...), s[4:]
	}
	return utf8.AppendRune(out, utf16.DecodeRune(r, hex4(s[6:]))), s[10:]
}

func hex4(s []byte) (r rune) {
	for _, c := range s[:4] {
		switch {
		case c <= '9':
			c -= '0'
		case c <= 'F':
			c -= 'A' - 10
		default:
			c -= 'a' - 10
		}
		r = r<<4 | rune(c)
	}
	return r
}
