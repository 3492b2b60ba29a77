package minimise

const (
	classDigit  = 1 << iota // 0 to 9
	classLetter             // A to Z, a to z
	classHex                // 0 to 9, A to F, a to f
	classLocal              // what the local part of a mail address holds; / ? = & part an address of a page
	classHint               // @, %, :, &, and the first byte of a full-width sign or of an Arabic digit
	classQuote              // what JSON escapes
	classDot                // .
	classSlash              // /
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
		case c < 0x20, c == 0x7F, c == '"', c == '\\':
			t[c] = classQuote
		}
	}
	for _, c := range "!#$%'*+-^_`{|}~." {
		t[c] |= classLocal
	}
	for _, c := range []byte("@%:&\xEF\xD9\xDB") {
		t[c] |= classHint
	}
	t['.'] |= classDot
	t['/'] |= classSlash
	return t
}()

func isDigit(c byte) bool { return class[c]&classDigit != 0 }

func isAlnum(c byte) bool { return class[c]&(classDigit|classLetter) != 0 }

// sight is what one pass over a text tells of it.
type sight struct {
	seen   uint8 // the classes of its bytes
	or     uint8 // its bytes: the top bit says that not all are ASCII
	digits int
}

func look(s []byte) (l sight) {
	for _, c := range s {
		k := class[c]
		l.seen |= k
		l.or |= c
		l.digits += int(k & classDigit) // the lowest bit
	}
	return l
}

// The fewest digits of what masks look for.
const (
	fewestOfIBAN    = 2
	fewestOfAddress = 4 // 1.1.1.1
	fewestOfNumber  = 6 // AB123456C
	shortestIBAN    = 15
)

// harmless says that there is nothing to find in s, by what it is made of alone.
// Mail addresses, addresses of machines with colons and all that is encoded have
// a hint.
func (l sight) harmless(s []byte) bool {
	switch {
	case l.seen&classHint != 0 || l.digits >= fewestOfNumber:
		return false
	case l.digits < fewestOfIBAN:
		return true
	case l.digits >= fewestOfAddress && l.seen&classDot != 0:
		return false
	default:
		return len(s) < shortestIBAN || !beginsIBAN(s)
	}
}

// beginsIBAN says whether s has two letters followed by two digits.
func beginsIBAN(s []byte) bool {
	for i := 3; i < len(s); i++ {
		if isDigit(s[i]) && isDigit(s[i-1]) && class[s[i-2]]&class[s[i-3]]&classLetter != 0 {
			return true
		}
	}
	return false
}
