package minimise

// ibanLengths are the lengths of IBANs by country (SWIFT's registry).
var ibanLengths = map[[2]byte]int{
	{'A', 'D'}: 24, {'A', 'E'}: 23, {'A', 'L'}: 28, {'A', 'T'}: 20, {'A', 'Z'}: 28, {'B', 'A'}: 20,
	{'B', 'E'}: 16, {'B', 'G'}: 22, {'B', 'H'}: 22, {'B', 'R'}: 29, {'B', 'Y'}: 28, {'C', 'H'}: 21,
	{'C', 'R'}: 22, {'C', 'Y'}: 28, {'C', 'Z'}: 24, {'D', 'E'}: 22, {'D', 'K'}: 18, {'D', 'O'}: 28,
	{'E', 'E'}: 20, {'E', 'G'}: 29, {'E', 'S'}: 24, {'F', 'I'}: 18, {'F', 'O'}: 18, {'F', 'R'}: 27,
	{'G', 'B'}: 22, {'G', 'E'}: 22, {'G', 'I'}: 23, {'G', 'L'}: 18, {'G', 'R'}: 27, {'G', 'T'}: 28,
	{'H', 'R'}: 21, {'H', 'U'}: 28, {'I', 'E'}: 22, {'I', 'L'}: 23, {'I', 'Q'}: 23, {'I', 'S'}: 26,
	{'I', 'T'}: 27, {'J', 'O'}: 30, {'K', 'W'}: 30, {'K', 'Z'}: 20, {'L', 'B'}: 28, {'L', 'C'}: 32,
	{'L', 'I'}: 21, {'L', 'T'}: 20, {'L', 'U'}: 20, {'L', 'V'}: 21, {'L', 'Y'}: 25, {'M', 'C'}: 27,
	{'M', 'D'}: 24, {'M', 'E'}: 22, {'M', 'K'}: 19, {'M', 'R'}: 27, {'M', 'T'}: 31, {'M', 'U'}: 30,
	{'N', 'L'}: 18, {'N', 'O'}: 15, {'P', 'K'}: 24, {'P', 'L'}: 28, {'P', 'S'}: 29, {'P', 'T'}: 25,
	{'Q', 'A'}: 29, {'R', 'O'}: 24, {'R', 'S'}: 22, {'S', 'A'}: 24, {'S', 'C'}: 31, {'S', 'E'}: 24,
	{'S', 'I'}: 19, {'S', 'K'}: 24, {'S', 'M'}: 27, {'S', 'T'}: 25, {'S', 'V'}: 28, {'T', 'L'}: 23,
	{'T', 'N'}: 24, {'T', 'R'}: 26, {'U', 'A'}: 29, {'V', 'A'}: 22, {'V', 'G'}: 24, {'X', 'K'}: 20,
}

func upper(c byte) byte {
	if c >= 'a' && c <= 'z' {
		return c - 'a' + 'A'
	}
	return c
}

// ibanAt returns where the IBAN that begins at s[i] ends, or 0. Groups may be
// parted by single spaces or hyphens.
func ibanAt(s []byte, i int) int {
	if i+15 > len(s) || class[s[i]]&classLetter == 0 || class[s[i+1]]&classLetter == 0 || !isDigit(s[i+2]) || !isDigit(s[i+3]) {
		return 0
	}
	length := ibanLengths[[2]byte{upper(s[i]), upper(s[i+1])}]
	if length == 0 {
		return 0
	}
	var text [34]byte
	n, j := 0, i
	for n < length && j < len(s) {
		if size := gapLength(s, j); size > 0 && n > 0 && j+size < len(s) && isAlnum(s[j+size]) && isAlnum(s[j-1]) {
			j += size
		}
		if !isAlnum(s[j]) {
			return 0
		}
		text[n] = upper(s[j])
		n++
		j++
	}
	if n < length || !ends(s, j) || ibanRemainder(text[:n]) != 1 {
		return 0
	}
	return j
}

// ibanRemainder is ISO 7064 MOD 97-10 of the text with its head moved behind.
func ibanRemainder(text []byte) int {
	r := 0
	for k := range text {
		c := text[(k+4)%len(text)]
		if isDigit(c) {
			r = (r*10 + int(c-'0')) % 97
		} else {
			r = (r*100 + int(c-'A') + 10) % 97
		}
	}
	return r
}

// gapLength returns the size of the space or hyphen at s[i], 0 when it is none:
// ASCII, no-break and narrow spaces, and the typographic hyphens.
func gapLength(s []byte, i int) int {
	switch {
	case s[i] == ' ' || s[i] == '-':
		return 1
	case s[i] == 0xC2 && i+1 < len(s) && s[i+1] == 0xA0:
		return 2
	case s[i] == 0xE2 && i+2 < len(s) && s[i+1] == 0x80 && (s[i+2] == 0xAF || s[i+2] == 0x89 || (s[i+2] >= 0x90 && s[i+2] <= 0x94)):
		return 3
	}
	return 0
}
