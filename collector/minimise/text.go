package minimise

// maxRounds bounds how deep nested encodings are followed; a text that is still
// encoded after them is replaced as a whole.
const maxRounds = 4

// encoded stands for a text whose encodings are nested too deep to look into.
const encoded = "[encoded]"

// Text returns s with everything that looks personal masked, at most limit
// bytes long.
func (b *Buffer) Text(s []byte, limit int) string {
	start := len(b.b)
	b.appendText(s)
	b.cut(start, limit)
	return b.since(start)
}

// appendText appends the masked form of s.
func (b *Buffer) appendText(s []byte) { b.appendSeen(s, look(s)) }

// appendSeen is appendText of what was looked at already.
func (b *Buffer) appendSeen(s []byte, l sight) {
	start := len(b.b)
	b.b = append(b.b, s...)
	if l.harmless(s) {
		return
	}
	b.settle(start)
	if l.seen&classHint == 0 || !hides(b.b[start:]) {
		return
	}
	b.view = append(b.view[:0], b.b[start:]...)
	for range maxRounds {
		b.view = reveal(b.view)
		if b.maskView() {
			b.b = append(b.b[:start], validUTF8(b.view)...)
			b.settle(start)
			b.view = append(b.view[:0], b.b[start:]...)
		}
		if !hides(b.view) {
			return
		}
	}
	b.b = append(b.b[:start], encoded...)
}

// maskView masks b.view in place and says whether anything was found.
func (b *Buffer) maskView() bool {
	var found bool
	b.scratch, found = mask(b.scratch[:0], b.view)
	if found {
		b.view = append(b.view[:0], b.scratch...)
	}
	return found
}

// settle masks what was appended from start on until nothing more is found: a
// mask is a new border, behind which another value may come to light.
func (b *Buffer) settle(start int) {
	for range maxRounds {
		var found bool
		b.scratch, found = mask(b.scratch[:0], b.b[start:])
		if !found {
			return
		}
		b.b = append(b.b[:start], b.scratch...)
	}
	b.b = append(b.b[:start], encoded...)
}

// mask appends s to dst with everything found replaced; where nothing is found,
// what it appends is of no use. It reads s once, each look ahead is bounded, and
// each look back ends at the last thing replaced.
func mask(dst, s []byte) ([]byte, bool) {
	found := false
	floor := len(dst) // what is below was replaced, or is not ours
	copied := 0       // how much of s is in dst
	inWord := false   // a letter or a digit is before s[i]
	for i := 0; i < len(s); {
		k := class[s[i]]
		if k&(classDigit|classLetter) != 0 {
			if inWord {
				i++
				continue
			}
			inWord = true
		} else {
			inWord = false
			if n := atLength(s, i); n > 0 {
				dst = append(dst, s[copied:i]...)
				copied = i
				if local, end, ok := mailAt(dst[floor:], s, i, n); ok {
					dst = append(dst[:floor+local], "[mail]"...)
					floor, found, copied, i, inWord = len(dst), true, end, end, isAlnum(s[end-1])
					continue
				}
			}
		}
		if k&(classDigit|classLetter) != 0 || beginsValue(s, i) {
			if end, name := valueAt(s, i); end > i {
				dst = append(append(dst, s[copied:i]...), name...)
				floor, found, copied, i, inWord = len(dst), true, end, end, isAlnum(s[end-1])
				continue
			}
		}
		i++
	}
	if found {
		dst = append(dst, s[copied:]...)
	}
	return dst, found
}

// beginsValue says whether a sign begins a value here: a colon anywhere, a plus
// sign or a parenthesis behind no letter and no digit.
func beginsValue(s []byte, i int) bool {
	return s[i] == ':' || ((s[i] == '+' || s[i] == '(') && (i == 0 || !isAlnum(s[i-1])))
}

// valueAt finds a value that begins at s[i], which has a border before it. It
// returns its end and the mask for it, or no end.
func valueAt(s []byte, i int) (end int, name string) {
	c := s[i]
	if class[c]&classHex != 0 || c == ':' {
		if end = addressAt(s, i); end > 0 {
			return end, "[ip]"
		}
	}
	if isAlnum(c) {
		if end = ibanAt(s, i); end > 0 {
			return end, "[iban]"
		}
		if end = letteredAt(s, i); end > 0 {
			return end, "[nationalid]"
		}
	}
	if isDigit(c) || c == '+' || c == '(' {
		return numberAt(s, i)
	}
	return 0, ""
}

// ends says whether a value may end before s[i].
func ends(s []byte, i int) bool { return i >= len(s) || !isAlnum(s[i]) }

// hasEscape says whether s has a percent-encoded byte.
func hasEscape(s []byte) bool {
	for i := 0; i+2 < len(s); i++ {
		if s[i] == '%' && class[s[i+1]]&classHex != 0 && class[s[i+2]]&classHex != 0 {
			return true
		}
	}
	return false
}

// unescape decodes percent-encoded bytes in place. Bytes that do not make
// UTF-8 are left as they come: the view is only looked at, or masked.
func unescape(s []byte) []byte {
	out := s[:0]
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && class[s[i+1]]&classHex != 0 && class[s[i+2]]&classHex != 0 {
			out = append(out, unhex(s[i+1])<<4|unhex(s[i+2]))
			i += 2
			continue
		}
		out = append(out, s[i])
	}
	return out
}

func unhex(c byte) byte {
	switch {
	case c <= '9':
		return c - '0'
	case c <= 'F':
		return c - 'A' + 10
	default:
		return c - 'a' + 10
	}
}

// Personal says whether anything that looks personal is in s.
func (b *Buffer) Personal(s []byte) bool {
	l := look(s)
	if l.harmless(s) {
		return false
	}
	if l.seen&classHint == 0 { // one look is enough: nothing is encoded, and every mask changes the text
		var found bool
		b.scratch, found = mask(b.scratch[:0], s)
		return found
	}
	start := len(b.b)
	b.appendSeen(s, l)
	changed := string(b.b[start:]) != string(s)
	clear(b.b[start:])
	b.truncate(start)
	return changed
}
