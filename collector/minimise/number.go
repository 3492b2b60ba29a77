package minimise

// A number is looked at as groups of digits: 4111 1111 1111 1111 has four. One
// look ahead is bounded by maxGroups and maxDigits, so a text is read in linear
// time however long its row of numbers is.
const (
	maxGroups = 8
	maxDigits = 24
)

// groups are the digits ahead, how many each group has, where it ends in the
// text, and the sign that parts it from the one before (' ' for every kind of
// space, '-' for every kind of hyphen, 'x' for several signs).
type groups struct {
	digits [maxDigits]byte
	size   [maxGroups]int
	end    [maxGroups]int
	sep    [maxGroups]byte
	n      int
	total  int // digits of all groups
	plus   bool
	paren  bool // the first group is in parentheses
	inRow  bool // another group stands before, as in a price
}

// numberAt finds a number of a person that begins at s[i].
func numberAt(s []byte, i int) (end int, name string) {
	if isDigit(s[i]) && !ends(s, digitsEnd(s, i)) {
		return 0, "" // digits that run into a letter are none of a number
	}
	var g groups
	if g.read(s, i); g.total < fewestDigits {
		return 0, ""
	}
	if g.plus || g.paren {
		return g.phone(), "[phone]"
	}
	if end = g.card(); end > 0 {
		return end, "[card]"
	}
	if end = g.national(); end > 0 {
		return end, "[nationalid]"
	}
	if end = g.phone(); end == 0 && saysPhone(s, i) {
		end = g.said()
	}
	return end, "[phone]"
}

func digitsEnd(s []byte, i int) int {
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	return i
}

// fewestDigits are those of the shortest number: a telephone with its country.
const fewestDigits = 8

// read fills g with the groups from s[i] on. A group that runs into a letter ends
// the row and is left out.
func (g *groups) read(s []byte, i int) {
	j := i
	if s[j] == '+' {
		g.plus = true
		j++
	}
	if j < len(s) && s[j] == '(' {
		g.paren = !g.plus
		j++
	}
	g.inRow = i > 1 && isDigit(s[i-2]) && gapLength(s, i-1) == 1
	total := 0
	for g.n < maxGroups {
		begin := j
		for j < len(s) && isDigit(s[j]) && total < maxDigits {
			g.digits[total] = s[j]
			total++
			j++
		}
		if j == begin || !ends(s, j) {
			break
		}
		g.size[g.n], g.end[g.n] = j-begin, j
		g.n++
		g.total = total
		if g.n == maxGroups {
			break
		}
		var sign byte
		if j, sign = separator(s, j); sign == 0 {
			break
		}
		g.sep[g.n] = sign
	}
}

// separator passes over up to three signs between groups.
func separator(s []byte, j int) (next int, sign byte) {
	for range 3 {
		if j >= len(s) || isDigit(s[j]) {
			break
		}
		c, size := s[j], 1
		switch c {
		case '.', '/', '(', ')':
		default:
			if size = gapLength(s, j); size == 0 {
				return j, 0
			}
			if c != ' ' && (c != 0xC2 && (c != 0xE2 || s[j+2] == 0xAF || s[j+2] == 0x89)) {
				c = '-'
			} else {
				c = ' '
			}
		}
		if sign != 0 {
			c = 'x'
		}
		sign = c
		j += size
	}
	if j >= len(s) || !isDigit(s[j]) {
		return j, 0
	}
	return j, sign
}

// take returns the digits of the first k groups.
func (g *groups) take(k int) []byte {
	total := 0
	for _, size := range g.size[:k] {
		total += size
	}
	return g.digits[:total]
}

// shaped says whether the first groups have the given sizes and, where sign is
// not zero, that one between them.
func (g *groups) shaped(sign byte, sizes ...int) bool {
	if len(sizes) > g.n {
		return false
	}
	for k, size := range sizes {
		if g.size[k] != size || (k > 0 && sign != 0 && g.sep[k] != sign) {
			return false
		}
	}
	return true
}

// card finds a payment card: a known issuer's range and length, Luhn, in one
// group or in groups of three to six parted by spaces, hyphens or dots.
func (g *groups) card() int {
	for k := 1; k <= g.n; k++ {
		if k > 1 && ((g.sep[k-1] != ' ' && g.sep[k-1] != '-' && g.sep[k-1] != '.') || g.size[k-1] < 3 || g.size[k-1] > 6 || g.size[0] > 6) {
			return 0
		}
		if d := g.take(k); issued(d) && luhn(d) {
			return g.end[k-1]
		}
	}
	return 0
}

// issued says whether the digits are in a range that card schemes give out, of
// the right length (ISO/IEC 7812).
func issued(d []byte) bool {
	n := len(d)
	if n < 14 || n > 19 {
		return false
	}
	head := int(d[0]-'0')*1000 + int(d[1]-'0')*100 + int(d[2]-'0')*10 + int(d[3]-'0')
	switch {
	case head/1000 == 4: // Visa
		return n == 16 || n == 19
	case head/100 >= 51 && head/100 <= 55, head >= 2221 && head <= 2720: // Mastercard
		return n == 16
	case head/100 == 34 || head/100 == 37: // American Express
		return n == 15
	case head/10 >= 300 && head/10 <= 305, head/100 == 36, head/100 == 38, head/100 == 39: // Diners
		return n == 14 || n == 16
	case head >= 3528 && head <= 3589: // JCB
		return n == 16
	case head/100 == 50, head/100 >= 56 && head/100 <= 69: // Maestro, Discover, UnionPay
		return n >= 16
	}
	return false
}

func luhn(d []byte) bool {
	sum := 0
	for k := range d {
		v := int(d[len(d)-1-k] - '0')
		if k%2 == 1 {
			if v *= 2; v > 9 {
				v -= 9
			}
		}
		sum += v
	}
	return sum%10 == 0
}

// phone finds a telephone number that its form gives away: a plus sign, a
// prefix in parentheses, the international prefix 00, a national grouping, or a
// trunk prefix with that of a mobile network. Nine digits in a row without any
// are left: most are numbers of orders.
func (g *groups) phone() int {
	switch {
	case g.plus:
		return g.international(0)
	case g.paren:
		return g.area()
	case g.digits[0] == '0' && g.size[0] >= 2 && g.digits[1] == '0' && (g.n > 1 || (g.size[0] >= 12 && (g.digits[2] == '3' || g.digits[2] == '4'))):
		return g.international(2)
	case g.shaped('-', 3, 3, 4), g.shaped('.', 3, 3, 4):
		return g.alone(3)
	case g.shaped(' ', 3, 3, 3), g.shaped('-', 3, 3, 3):
		return g.alone(3)
	case g.mobile():
		return g.end[0]
	case g.digits[0] == '0':
		return g.trunk()
	}
	return 0
}

// mobile says whether the first group alone is a national number of a mobile
// telephone: 0902123456, 0612345678, 07911123456, 01701234567.
func (g *groups) mobile() bool {
	if g.digits[0] != '0' || g.inRow || (g.n > 1 && g.sep[1] != ' ') {
		return false
	}
	switch g.size[0] {
	case 10:
		return g.digits[1] == '9' || g.digits[1] == '6' || g.digits[1] == '7'
	case 11:
		return g.digits[1] == '7' || (g.digits[1] == '1' && g.digits[2] >= '5' && g.digits[2] <= '7')
	}
	return false
}

// said finds a number where a word before it says that one follows: 9 to 12
// digits, in one group or in groups parted by spaces.
func (g *groups) said() (end int) {
	for k := 1; k <= g.n; k++ {
		if k > 1 && g.sep[k-1] != ' ' {
			break
		}
		if total := len(g.take(k)); total >= 9 && total <= 12 {
			end = g.end[k-1]
		}
	}
	return end
}

// alone returns the end of the first k groups unless another stands before or
// one of three follows, which makes the row a price or a longer number.
func (g *groups) alone(k int) int {
	if g.inRow || (g.n > k && g.size[k] == 3 && g.sep[k] == g.sep[1]) {
		return 0
	}
	return g.end[k-1]
}

// international finds 8 to 15 digits after a prefix of skip digits (E.164).
func (g *groups) international(skip int) int {
	if g.digits[skip] < '1' || g.digits[skip] > '9' {
		return 0
	}
	end := 0
	for k := 1; k <= g.n; k++ {
		total := len(g.take(k)) - skip
		if total > 15 {
			break
		}
		if total >= 8 {
			end = g.end[k-1]
		}
	}
	return end
}

// area finds (02) 1234 5678 and (415) 555-2671: 9 to 11 digits in all.
func (g *groups) area() int {
	if g.size[0] < 2 || g.size[0] > 5 {
		return 0
	}
	for k := 2; k <= g.n; k++ {
		if total := len(g.take(k)); total >= 9 && total <= 11 && (k == g.n || len(g.take(k+1)) > 11) {
			return g.end[k-1]
		}
	}
	return 0
}

// trunk finds a national number with its trunk prefix 0: 0901 234 567 or
// 06 12 34 56 78. A date, which has groups of two, two and four, is none.
func (g *groups) trunk() int {
	if g.shaped(0, 2, 2, 2, 2, 2) && g.sep[1] == g.sep[4] {
		return g.end[4]
	}
	if g.size[0] < 3 || g.size[0] > 5 {
		return 0
	}
	for k := 2; k <= min(g.n, 4); k++ {
		if g.sep[k-1] == '.' || g.size[k-1] < 2 {
			return 0
		}
		if total := len(g.take(k)); total >= 9 && total <= 11 && (k == g.n || len(g.take(k+1)) > 11) {
			return g.end[k-1]
		}
	}
	return 0
}
