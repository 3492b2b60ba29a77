package minimise

// maxLocal and maxDomain are how far an address is looked for on both sides of
// its at sign; RFC 5321 allows 64 and 255 bytes.
const (
	maxLocal  = 320
	maxDomain = 320
)

// atLength returns how many bytes the at sign at s[i] takes, 0 when there is
// none: the plain one, or the full-width one of East Asian keyboards.
func atLength(s []byte, i int) int {
	if s[i] == '@' {
		return 1
	}
	if s[i] == 0xEF && i+2 < len(s) && s[i+1] == 0xBC && s[i+2] == 0xA0 {
		return 3
	}
	return 0
}

// mailAt looks for a mail address around the at sign of n bytes at s[i]. before
// is what was written so far and may be taken back. It returns where the local
// part begins in before, and where the domain ends in s. A space on both sides
// of the sign, or behind it, is passed over; one before it alone makes a mention.
func mailAt(before, s []byte, i, n int) (local, end int, ok bool) {
	domain := afterSpaces(s, i+n)
	if domain > i+n {
		before = withoutSpaces(before)
	}
	local = len(before)
	if local > 0 && before[local-1] == '"' {
		local = quotedFrom(before)
	} else {
		for local > 0 && len(before)-local < maxLocal && class[before[local-1]]&classLocal != 0 {
			local--
		}
		for local < len(before) && before[local]&0xC0 == 0x80 {
			local++
		}
	}
	if local == len(before) {
		return 0, 0, false
	}
	end = domainEnd(s, domain)
	return local, end, end > 0 && !scaledImage(s[domain:end])
}

// maxSpaces is how many spaces are passed over beside an at sign.
const maxSpaces = 3

func afterSpaces(s []byte, i int) int {
	j := i
	for j < len(s) && j-i < maxSpaces && s[j] == ' ' {
		j++
	}
	return j
}

func withoutSpaces(s []byte) []byte {
	for n := 0; n < maxSpaces && len(s) > 0 && s[len(s)-1] == ' '; n++ {
		s = s[:len(s)-1]
	}
	return s
}

// quotedFrom returns where the quoted local part that ends before begins.
func quotedFrom(before []byte) int {
	for j := len(before) - 2; j >= 0 && len(before)-j <= 66; j-- {
		if before[j] == '"' {
			return j
		}
	}
	return len(before) - 1
}

// domainEnd returns where the domain that begins at s[i] ends: labels with a
// dot, the last one of letters, or an address in brackets. 0 means no domain.
func domainEnd(s []byte, i int) int {
	if i < len(s) && s[i] == '[' {
		for j := i + 1; j < len(s) && j < i+48; j++ {
			if s[j] == ']' && j > i+6 && isAlnum(s[i+1]) && isAddressLiteral(s[i+1:j]) {
				return j + 1
			}
		}
		return 0
	}
	end, label, dots := 0, i, 0
	for j := i; ; j++ {
		if j < len(s) && j-i <= maxDomain && (isAlnum(s[j]) || s[j] == '-' || s[j] >= 0x80) {
			continue
		}
		if j == label || j-i > maxDomain {
			break
		}
		if dots > 0 && topLabel(s[label:j]) {
			end = j
		}
		if j == len(s) || s[j] != '.' {
			break
		}
		dots++
		label = j + 1
	}
	return end
}

func isAddressLiteral(s []byte) bool {
	for _, c := range s {
		if class[c]&classHex == 0 && c != '.' && c != ':' {
			return false
		}
	}
	return true
}

// topLabel says whether a label may be a top-level domain: two letters or
// more, so that name@1.2.3 stays a version.
func topLabel(label []byte) bool {
	if len(label) < 2 {
		return false
	}
	if len(label) > 4 && string(label[:4]) == "xn--" {
		return true
	}
	for _, c := range label {
		if class[c]&classLetter == 0 && c < 0x80 {
			return false
		}
	}
	return true
}

// scaledImage says whether what follows an at sign is a file name's scale, as
// in logo@2x.png.
func scaledImage(domain []byte) bool {
	if len(domain) < 6 || !isDigit(domain[0]) || domain[1] != 'x' || domain[2] != '.' {
		return false
	}
	switch string(domain[3:]) {
	case "png", "jpg", "jpeg", "gif", "svg", "webp", "avif":
		return true
	}
	return false
}
