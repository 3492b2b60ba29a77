package bits

// Width is how many bits one sign holds.
const Width = 6

// MaxTake is the widest field that Take reads, in bits.
const MaxTake = 36

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// foreign is the value of an octet outside the alphabet: more than six bits.
const foreign = 0xff

var values = func() (t [256]uint8) {
	for i := range t {
		t[i] = foreign
	}
	for i := range len(alphabet) {
		t[alphabet[i]] = uint8(i)
	}
	return t
}()

// Valid says whether all of text is in the alphabet of base64url. The other
// functions must be given such text only: for any other they return wrong bits,
// but do not panic.
func Valid(text []byte) bool {
	var all uint8
	for len(text) >= 8 {
		eight := text[:8]
		all |= values[eight[0]] | values[eight[1]] | values[eight[2]] | values[eight[3]] |
			values[eight[4]] | values[eight[5]] | values[eight[6]] | values[eight[7]]
		text = text[8:]
	}
	for _, c := range text {
		all |= values[c]
	}
	return all < 1<<Width
}

// Value returns the six bits of one sign.
func Value(sign byte) uint8 { return values[sign] & (1<<Width - 1) }

// Bit returns one bit of text, the first being 0; a bit beyond the end is false.
func Bit(text []byte, at int) bool {
	i := at / Width
	return i < len(text) && values[text[i]]>>(Width-1-at%Width)&1 == 1
}

// WindowWidth is how many bits Window returns at least.
const WindowWidth = 42

// Window returns the bits of text from the given one on, in the highest bits of
// the result: WindowWidth of them, zeros beyond the end of text.
func Window(text []byte, at int) uint64 {
	i := at / Width
	if i+8 > len(text) {
		return lastWindow(text, at)
	}
	t := text[i : i+8]
	return (uint64(Value(t[0]))<<58 | uint64(Value(t[1]))<<52 | uint64(Value(t[2]))<<46 | uint64(Value(t[3]))<<40 |
		uint64(Value(t[4]))<<34 | uint64(Value(t[5]))<<28 | uint64(Value(t[6]))<<22 | uint64(Value(t[7]))<<16) << (at % Width)
}

// lastWindow is Window near the end of text.
func lastWindow(text []byte, at int) uint64 {
	var w uint64
	for i, sign := range text[min(at/Width, len(text)):] {
		w |= uint64(Value(sign)) << (58 - i*Width)
	}
	return w << (at % Width)
}

// Reader reads text from left to right. Reading beyond the end yields zeros and
// is remembered by Short.
type Reader struct {
	text  []byte
	acc   uint64
	next  int // the sign that is read next
	have  int // how many low bits of acc are still to be read
	short bool
}

// NewReader returns a Reader that begins at the given bit of text.
func NewReader(text []byte, at int) Reader {
	r := Reader{text: text, next: at / Width}
	r.Take(at % Width)
	return r
}

// Take reads the next n bits, at most MaxTake.
func (r *Reader) Take(n int) uint64 {
	if r.have < n {
		r.fill(n)
	}
	r.have -= n
	return r.acc >> (r.have & 63) & (1<<(n&63) - 1)
}

// Flag reads one bit.
func (r *Reader) Flag() bool { return r.Take(1) == 1 }

// fill makes at least n bits available, n being at most MaxTake.
func (r *Reader) fill(n int) {
	for r.have < n {
		rest := r.text[min(r.next, len(r.text)):]
		switch {
		case len(rest) >= 4:
			r.acc = r.acc<<24 | uint64(Value(rest[0]))<<18 | uint64(Value(rest[1]))<<12 |
				uint64(Value(rest[2]))<<6 | uint64(Value(rest[3]))
			r.have += 4 * Width
			r.next += 4
		case len(rest) > 0:
			r.acc = r.acc<<Width | uint64(Value(rest[0]))
			r.have += Width
			r.next++
		default:
			r.acc, r.have, r.short = 0, n, true
		}
	}
}

// Skip passes over n bits.
func (r *Reader) Skip(n int) {
	if n <= r.have {
		r.have -= n
		return
	}
	n -= r.have
	r.have = 0
	r.next += n / Width
	if r.next > len(r.text) {
		r.next, r.short = len(r.text), true
	}
	r.Take(n % Width)
}

// At returns the place of the bit that is read next, the first being 0. It means
// nothing once Short is true.
func (r *Reader) At() int { return r.next*Width - r.have }

// Text returns the text that is read.
func (r *Reader) Text() []byte { return r.text }

// Short says whether more bits were asked for than there are.
func (r *Reader) Short() bool { return r.short }
