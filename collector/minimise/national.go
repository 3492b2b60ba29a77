package minimise

// number reads two digits.
func number(d []byte) int { return int(d[0]-'0')*10 + int(d[1]-'0') }

// date says whether month and day are those of a date, of any year.
func date(month, day int) bool {
	if month < 1 || month > 12 || day < 1 {
		return false
	}
	switch month {
	case 2:
		return day <= 29
	case 4, 6, 9, 11:
		return day <= 30
	default:
		return day <= 31
	}
}

// national finds a national number made of digits.
func (g *groups) national() int {
	switch first := g.take(1); {
	case len(first) == 11 && (pesel(first) || steuer(first) || belgian(first)):
		return g.end[0]
	case len(first) == 10 && birthNumber(first) && !clockSeconds(first):
		return g.end[0]
	case len(first) == 13 && cnp(first):
		return g.end[0]
	case len(first) == 15 && nir(first):
		return g.end[0]
	case len(first) == 6 && g.n > 1:
		return g.birthWithSign()
	case g.shaped('-', 8, 4) && date(number(first[4:]), number(first[6:])) && luhn(g.take(2)[2:]):
		return g.end[1] // Sweden, with the century
	}
	switch {
	case g.shaped(0, 2, 2, 2, 3, 2) && g.sep[3] == '-' && belgian(g.take(5)):
		return g.end[4]
	case g.shaped(' ', 2, 3, 3, 3) && steuer(g.take(4)):
		return g.end[3]
	case g.shaped(' ', 1, 2, 2, 2, 3, 3, 2) && nir(g.take(7)):
		return g.end[6]
	case g.shaped(' ', 1, 2, 2, 2, 3, 3) && g.n == 6 && nirHead(g.take(6)):
		return g.end[5]
	}
	return 0
}

// birthWithSign finds six digits of a date and three or four more: the Czech
// and Slovak birth number, the Swedish and the Danish personal numbers.
func (g *groups) birthWithSign() int {
	d := g.take(2)
	switch {
	case g.shaped('/', 6, 4) && birthNumber(d):
		return g.end[1]
	case g.shaped('/', 6, 3) && number(d) < 54 && birthDate(d):
		return g.end[1]
	case g.shaped('-', 6, 4) && (birthNumber(d) || (date(number(d[2:]), number(d[4:])) && luhn(d)) || (date(number(d[2:]), number(d)) && cpr(d))):
		return g.end[1]
	}
	return 0
}

// clockSeconds says whether ten digits are a time in seconds of our years, from
// 2017 to 2030: as a birth number it would be a young child's.
func clockSeconds(d []byte) bool {
	return d[0] == '1' && (d[1] >= '5' && d[1] <= '8')
}

// birthDate reads YYMMDD where women have 50 added to the month, and 20 or 70
// is added where a day's numbers ran out.
func birthDate(d []byte) bool {
	month := number(d[2:])
	for _, extra := range [...]int{0, 50, 20, 70} {
		if date(month-extra, number(d[4:])) {
			return true
		}
	}
	return false
}

// birthNumber checks the Czech and Slovak birth number since 1954: divisible by
// 11, or (until 1985) a remainder of 10 over the first nine written as 0.
func birthNumber(d []byte) bool {
	if !birthDate(d) {
		return false
	}
	r := 0
	for _, c := range d[:9] {
		r = (r*10 + int(c-'0')) % 11
	}
	return r%10 == int(d[9]-'0')
}

func weighted(d []byte, weights string) int {
	sum := 0
	for k := range len(weights) {
		sum += int(d[k]-'0') * int(weights[k]-'0')
	}
	return sum
}

// pesel checks Poland's number: a date whose month carries the century, and a
// weighted digit.
func pesel(d []byte) bool {
	return date(number(d[2:])%20, number(d[4:])) && (10-weighted(d, "1379137913")%10)%10 == int(d[10]-'0')
}

// steuer checks Germany's tax number: ISO 7064 MOD 11,10, and of the first ten
// digits one comes two or three times and no other repeats.
func steuer(d []byte) bool {
	var count [10]int
	product := 10
	for _, c := range d[:10] {
		count[c-'0']++
		sum := (int(c-'0') + product) % 10
		if sum == 0 {
			sum = 10
		}
		product = sum * 2 % 11
	}
	repeated := 0
	for _, n := range count {
		if n > 3 {
			return false
		}
		if n > 1 {
			repeated++
		}
	}
	return d[0] != '0' && repeated == 1 && (11-product)%10 == int(d[10]-'0')
}

// belgian checks Belgium's number: a date, and 97 less the remainder, with a 2
// before it for those born since 2000.
func belgian(d []byte) bool {
	if !date(number(d[2:]), number(d[4:])) {
		return false
	}
	r := 0
	for _, c := range d[:9] {
		r = (r*10 + int(c-'0')) % 97
	}
	check := number(d[9:])
	return check == 97-r || check == 97-(r+2*1_000_000_000%97)%97
}

// cnp checks Romania's number.
func cnp(d []byte) bool {
	check := weighted(d, "279146358279") % 11
	if check == 10 {
		check = 1
	}
	return d[0] >= '1' && d[0] <= '8' && date(number(d[3:]), number(d[5:])) && check == int(d[12]-'0')
}

// cpr checks Denmark's number as it was given until 2007.
func cpr(d []byte) bool { return weighted(d, "4327654321")%11 == 0 }

// nirHead checks the first digits of France's number: sex, year, month.
func nirHead(d []byte) bool {
	month := number(d[3:])
	return (d[0] == '1' || d[0] == '2') && (date(month, 1) || (month >= 20 && month <= 42))
}

// nir checks France's number with its key of two digits.
func nir(d []byte) bool {
	r := 0
	for _, c := range d[:13] {
		r = (r*10 + int(c-'0')) % 97
	}
	return nirHead(d) && number(d[13:]) == 97-r
}

// letteredAt finds a national number that has letters and begins at s[i].
func letteredAt(s []byte, i int) int {
	j := i
	for j < len(s) && j-i <= 16 && isAlnum(s[j]) {
		j++
	}
	word := s[i:j]
	switch {
	case len(word) == 6 && hetu(s, i):
		return i + 11
	case !ends(s, j):
		return 0
	case len(word) == 9 && (spanish(word) || insurance(word)):
		return j
	case len(word) == 8 && j+1 < len(s) && s[j] == '-' && ends(s, j+2) && dni(word, s[j+1]):
		return j + 2
	case len(word) == 11 && hetuCentury(word[6]) && hetuBody(word):
		return j
	case len(word) == 16 && codice(word):
		return j
	}
	return 0
}

func allDigits(s []byte) bool {
	for _, c := range s {
		if !isDigit(c) {
			return false
		}
	}
	return len(s) > 0
}

// dni checks Spain's number: eight digits and a letter, or X, Y, Z for the
// first digit.
func dni(head []byte, letter byte) bool {
	value, rest := 0, head
	if c := upper(head[0]); c >= 'X' && c <= 'Z' {
		value, rest = int(c-'X'), head[1:]
	}
	if !allDigits(rest) {
		return false
	}
	for _, c := range rest {
		value = value*10 + int(c-'0')
	}
	return upper(letter) == "TRWAGMYFPDXBNJZSQVHLCKE"[value%23]
}

func spanish(word []byte) bool { return dni(word[:8], word[8]) }

// insurance checks the form of the British national insurance number; it has no
// check digit.
func insurance(word []byte) bool {
	a, b, z := upper(word[0]), upper(word[1]), upper(word[8])
	if class[a]&classLetter == 0 || class[b]&classLetter == 0 || z < 'A' || z > 'D' || !allDigits(word[2:8]) {
		return false
	}
	switch a {
	case 'D', 'F', 'I', 'Q', 'U', 'V':
		return false
	}
	switch b {
	case 'D', 'F', 'I', 'O', 'Q', 'U', 'V':
		return false
	}
	return true
}

// hetu checks Finland's number at s[i] where its sign is not a letter.
func hetu(s []byte, i int) bool {
	if i+11 > len(s) || !ends(s, i+11) || (s[i+6] != '-' && s[i+6] != '+') {
		return false
	}
	return hetuBody(s[i : i+11])
}

func hetuCentury(c byte) bool {
	c = upper(c)
	return (c >= 'A' && c <= 'F') || (c >= 'U' && c <= 'Y')
}

func hetuBody(w []byte) bool {
	if !allDigits(w[:6]) || !allDigits(w[7:10]) || !date(number(w[2:]), number(w)) {
		return false
	}
	value := 0
	for _, c := range w[:6] {
		value = value*10 + int(c-'0')
	}
	for _, c := range w[7:10] {
		value = value*10 + int(c-'0')
	}
	return upper(w[10]) == "0123456789ABCDEFHJKLMNPRSTUVWXY"[value%31]
}

// oddValues are what the characters of Italy's fiscal code count at odd places.
var oddValues = [...]int{1, 0, 5, 7, 9, 13, 15, 17, 19, 21, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23}

// codice checks Italy's fiscal code: its form, and the letter at its end.
func codice(w []byte) bool {
	const form = "LLLLLLDDLDDLDDDL"
	sum := 0
	for k := range form {
		c := upper(w[k])
		if (form[k] == 'L') != (class[c]&classLetter != 0) {
			return false
		}
		if k == 15 {
			break
		}
		value := int(c - 'A')
		if form[k] == 'D' {
			value = int(c - '0')
		}
		if k%2 == 0 {
			value = oddValues[value]
		}
		sum += value
	}
	return int(upper(w[15])-'A') == sum%26
}
