package minimise

import "bytes"

// placeholder stands for a segment of a path that looks like an identifier.
const placeholder = ":id"

// Path returns the path of an address with the segments that look like
// identifiers replaced by ":id" and the rest masked, at most limit bytes long.
func (b *Buffer) Path(path []byte, limit int) string {
	start := len(b.b)
	for len(path) > 0 {
		end := bytes.IndexByte(path, '/')
		if end < 0 {
			b.segment(path)
			break
		}
		if end > 0 {
			b.segment(path[:end])
		}
		b.b = append(b.b, '/')
		path = path[end+1:]
	}
	b.remask(start)
	b.cut(start, limit)
	return b.since(start)
}

// remask masks once more what was appended from start on, since parts that say
// nothing alone may say something together.
func (b *Buffer) remask(start int) {
	n := len(b.b)
	l := look(b.b[start:])
	if l.harmless(b.b[start:]) {
		return
	}
	b.appendSeen(b.b[start:n], l)
	kept := copy(b.b[start:], b.b[n:])
	b.truncate(start + kept)
}

// segment appends one segment, without the parameters behind its semicolon.
func (b *Buffer) segment(s []byte) {
	if i := bytes.IndexByte(s, ';'); i >= 0 {
		s = s[:i]
	}
	l := look(s)
	if l.seen&classHint == 0 { // nothing is encoded
		if (l.digits > 0 || len(s) >= 16) && looksLikeID(s) {
			b.b = append(b.b, placeholder...)
			return
		}
		b.appendSeen(s, l)
		return
	}
	b.view = append(b.view[:0], s...)
	for range maxRounds {
		if looksLikeID(b.view) {
			b.b = append(b.b, placeholder...)
			return
		}
		if !hasEscape(b.view) {
			break
		}
		b.view = unescape(b.view)
	}
	b.appendSeen(s, l)
}

// looksLikeID says whether a segment looks like an identifier: digits, a UUID,
// eight hexadecimal digits or more, a mail address, or a long random token.
func looksLikeID(s []byte) bool {
	if len(s) == 0 {
		return false
	}
	var digits, lower, uppers, hex, marks, ats int
	for _, c := range s {
		switch {
		case isDigit(c):
			digits++
		case c >= 'a' && c <= 'z':
			lower++
		case c >= 'A' && c <= 'Z':
			uppers++
		case c == '-' || c == '_' || c == '.' || c == '~' || c == '=' || c == '+':
			marks++
		case c == '@':
			ats++
		default:
			return false
		}
		if class[c]&classHex != 0 {
			hex++
		}
	}
	switch n := len(s); {
	case digits == n, ats > 0:
		return true
	case hex == n && n >= 8 && (digits > 0 || n >= 16):
		return true
	case isUUID(s):
		return true
	case n < 16 || digits == 0:
		return false
	case digits+lower+uppers == n:
		return n >= 20 || digits >= 4 || (lower > 0 && uppers > 0)
	default: // a slug has many marks and one case; a token has few marks and all
		return n >= 20 && lower > 0 && uppers > 0 && marks*6 <= n
	}
}

func isUUID(s []byte) bool {
	if len(s) != 36 {
		return false
	}
	for i, c := range s {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if c != '-' {
				return false
			}
		} else if class[c]&classHex == 0 {
			return false
		}
	}
	return true
}
