package minimise

import "unicode/utf8"

// hides says whether s has anything that reveal takes away.
func hides(s []byte) bool {
	for i := range s {
		if _, n := hidden(s, i); n > 0 {
			return true
		}
	}
	return false
}

// reveal decodes in place what hides a sign from a mask: percent-encodings,
// HTML entities, full-width signs and Arabic digits. It makes nothing longer.
// What it gives is looked at, or masked, and need not be UTF-8.
func reveal(s []byte) []byte {
	out := s[:0]
	for i := 0; i < len(s); {
		r, n := hidden(s, i)
		switch {
		case n == 0:
			out = append(out, s[i])
			i++
			continue
		case r < 0: // a byte, maybe a piece of a character
			out = append(out, byte(-r-1))
		default:
			out = utf8.AppendRune(out, r)
		}
		i += n
	}
	return out
}

// hidden returns what the bytes at s[i] stand for and how many they are, none
// when they stand for themselves. A percent-encoded byte b is returned as -b-1.
func hidden(s []byte, i int) (r rune, n int) {
	switch s[i] {
	case '%':
		if i+2 < len(s) && class[s[i+1]]&classHex != 0 && class[s[i+2]]&classHex != 0 {
			return -rune(unhex(s[i+1])<<4|unhex(s[i+2])) - 1, 3
		}
	case '&':
		return entity(s, i)
	case 0xEF: // full-width ! to ~
		if i+2 < len(s) && s[i+1]&0xFE == 0xBC && s[i+2]&0xC0 == 0x80 {
			if r = rune(s[i+1]&1)<<6 + rune(s[i+2]&0x3F) + 0x20; r > ' ' && r <= '~' {
				return r, 3
			}
		}
	case 0xD9: // Arabic-Indic digits
		if i+1 < len(s) && s[i+1] >= 0xA0 && s[i+1] <= 0xA9 {
			return '0' + rune(s[i+1]-0xA0), 2
		}
	case 0xDB: // the eastern ones
		if i+1 < len(s) && s[i+1] >= 0xB0 && s[i+1] <= 0xB9 {
			return '0' + rune(s[i+1]-0xB0), 2
		}
	}
	return 0, 0
}

// entity reads an HTML entity: a number, or a name of a sign that masks look for.
func entity(s []byte, i int) (r rune, n int) {
	if i+2 < len(s) && s[i+1] == '#' {
		return numbered(s, i)
	}
	j := i + 1
	for j < len(s) && j-i <= 8 && class[s[j]]&classLetter != 0 {
		j++
	}
	if j >= len(s) || s[j] != ';' {
		return 0, 0
	}
	switch string(s[i+1 : j]) {
	case "commat":
		r = '@'
	case "period":
		r = '.'
	case "plus":
		r = '+'
	case "colon":
		r = ':'
	case "lowbar":
		r = '_'
	case "hyphen", "dash":
		r = '-'
	case "sol":
		r = '/'
	case "nbsp":
		r = ' '
	case "amp":
		r = '&'
	case "num":
		r = '#'
	case "percnt":
		r = '%'
	default:
		return 0, 0
	}
	return r, j + 1 - i
}

// numbered reads &#64; and &#x40;, with or without the semicolon.
func numbered(s []byte, i int) (r rune, n int) {
	j, base := i+2, rune(10)
	if s[j] == 'x' || s[j] == 'X' {
		j, base = j+1, 16
	}
	begin := j
	for j < len(s) && j-begin < 8 && (isDigit(s[j]) || (base == 16 && class[s[j]]&classHex != 0)) {
		if r = r*base + rune(unhex(s[j])); r > utf8.MaxRune {
			return 0, 0
		}
		j++
	}
	if j == begin || r == 0 || !utf8.ValidRune(r) {
		return 0, 0
	}
	if j < len(s) && s[j] == ';' {
		j++
	}
	return r, j - i
}
