package minimise

// saysPhone says whether the words before s[i] announce a telephone number, as in
// "tel. 602123456", "phone number: 602123456" and "mobil=602123456".
func saysPhone(s []byte, i int) bool {
	for range 3 {
		word, begin := wordBefore(s, i)
		switch kindOf(word) {
		case announces:
			return true
		case passes:
			i = begin
		default:
			return false
		}
	}
	return false
}

const (
	means = iota // something else
	announces
	passes // may stand between the word and the number
)

// kindOf says what a word says of the number behind it.
func kindOf(word []byte) int {
	var folded [12]byte
	n := fold(folded[:], word)
	switch string(folded[:n]) {
	case "tel", "telefon", "telephone", "telefonne", "telefonni", "phone", "mobil", "mobile", "mobilni", "cell", "cellphone", "handy", "gsm", "fax", "call", "whatsapp", "viber", "sms", "t\xc3\xa9l", "m\xc3\xb3vil", "telefonn\xc3\xa9":
		return announces
	case "number", "no", "nr", "num", "is", "je", "cislo", "\xc4\x8d\xc3\xadslo", "c", "\xc4\x8d":
		return passes
	}
	return means
}

// wordBefore returns the word before s[i], up to four signs away, and where it
// begins; an empty word when there is none or it is long.
func wordBefore(s []byte, i int) (word []byte, begin int) {
	end := i
	for n := 0; n < 4 && end > 0 && passesSign(s[end-1]); n++ {
		end--
	}
	begin = end
	for begin > 0 && end-begin <= 12 && (class[s[begin-1]]&classLetter != 0 || s[begin-1] >= 0x80) {
		begin--
	}
	if begin > 0 && isDigit(s[begin-1]) {
		return nil, begin
	}
	return s[begin:end], begin
}

func passesSign(c byte) bool {
	switch c {
	case ' ', ':', '.', '=', '#', '-', '(', '/', '"', '\'':
		return true
	}
	return false
}
