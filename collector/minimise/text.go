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
func (b *Buffer) appendText(s []byte) {
	if !suspicious(s) {
		b.b = append(b.b, s...)
		return
	}
	start := len(b.b)
	b.b = append(b.b, s...)
	b.settle(start)
	if !hides(b.b[start:]) {
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

// suspicious says whether s has any of the bytes without which there is
// nothing to find.
func suspicious(s []byte) bool {
	for _, c := range s {
		if class[c]&(classDigit|classHint) != 0 {
			return true
		}
	}
	return false
}

const (
	classDigit  = 1 << iota // 0 to 9
	classLetter             // A to Z, a to z
	classHex                // 0 to 9, A to F, a to f
	classLocal              // what the local part of a mail address holds; / ? = & part an address of a page
	classHint               // @, %, :, &, and the first byte of a full-width sign or of an Arabic digit
)

var class = func() (t [256]byte) {
	for c := range 256 {
		switch {
		case c >= '0' && c <= '9':
			t[c] = classDigit | classHex | classLocal
		case c >= 'a' && c <= 'f', c >= 'A' && c <= 'F':
			t[c] = classLetter | classHex | classLocal
		case c >= 'g' && c <= 'z', c >= 'G' && c <= 'Z':
			t[c] = classLetter | classLocal
		case c >= 0x80:
			t[c] = classLocal
		}
	}
	for _, c := range "!#$%'*+-^_`{|}~." {
		t[c] |= classLocal
	}
	for _, c := range []byte("@%:&\xEF\xD9\xDB") {
		t[c] |= classHint
	}
	return t
}()

func isDigit(c byte) bool { return class[c]&classDigit != 0 }

func isAlnum(c byte) bool { return class[c]&(classDigit|classLetter) != 0 }

// mask appends s to dst with everything found replaced. It reads s once, each
// look ahead is bounded, and each look back ends at the last thing replaced.
func mask(dst, s []byte) ([]byte, bool) {
	found := false
	floor := len(dst) // what is below was replaced, or is not ours
	for i := 0; i < len(s); {
		if n := atLength(s, i); n > 0 {
			if local, end, ok := mailAt(dst[floor:], s, i, n); ok {
				dst = append(dst[:floor+local], "[mail]"...)
				floor, found, i = len(dst), true, end
				continue
			}
		}
		border := i == 0 || !isAlnum(s[i-1])
		if border || s[i] == ':' {
			if end, name := valueAt(s, i); end > i {
				dst = append(dst, name...)
				floor, found, i = len(dst), true, end
				continue
			}
		}
		dst = append(dst, s[i])
		i++
	}
	return dst, found
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
	if !suspicious(s) {
		return false
	}
	start := len(b.b)
	b.appendText(s)
	changed := string(b.b[start:]) != string(s)
	clear(b.b[start:])
	b.b = b.b[:start]
	return changed
}
