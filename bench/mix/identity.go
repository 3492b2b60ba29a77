package mix

import (
	"math/rand/v2"
	"time"
)

// firstNew is the number of the first visitor that no load has seen: each run
// has 2^24 of them.
const firstNew = 1 << 32

// The kinds of UUID.
const (
	kindVisitor = iota
	kindMessage
)

// UserEvery says how many visitors there are for each user who logs in.
const UserEvery = 50

func usersOf(visitors uint64) uint64 { return max(visitors/UserEvery, 1) }

// drawer draws visitors.
type drawer struct {
	config  Config
	random  *rand.Rand
	zipf    *rand.Zipf
	strange uint64 // new visitors so far
	next    uint64 // known visitor of a fill
}

// The exponent and the offset of Zipf's law: the busiest of a million visitors
// has 0.3 % of the events, the busiest thousand a quarter.
const (
	zipfS = 1.1
	zipfV = 64
)

func newDrawer(c Config) *drawer {
	r := rand.New(rand.NewPCG(c.Run, 7)) //nolint:gosec // a load, not a secret
	return &drawer{config: c, random: r, zipf: rand.NewZipf(r, zipfS, zipfV, c.Visitors-1)}
}

// visitor draws the number of a visitor; with user, of one who logs in.
func (d *drawer) visitor(user bool) uint64 {
	among := d.config.Visitors
	if user {
		among = usersOf(among)
	}
	switch {
	case d.config.Fill:
		n := d.next % among
		d.next++
		return n
	case d.random.Float64() < d.config.New:
		d.strange++
		return firstNew + d.config.Run<<24 + d.strange
	default:
		return d.zipf.Uint64() % among
	}
}

// mixed spreads n over 64 bits, no two n alike (splitmix64).
func mixed(n uint64) uint64 {
	n += 0x9e3779b97f4a7c15
	n = (n ^ n>>30) * 0xbf58476d1ce4e5b9
	n = (n ^ n>>27) * 0x94d049bb133111eb
	return n ^ n>>31
}

const hexDigits = "0123456789abcdef"

// uuidLen is the length of a UUID as text.
const uuidLen = 36

// putUUID writes a random-looking UUID (version 4) of n, which is below 2^60,
// over dst. The first 16 digits but the version's hold kind and n alone: what
// two different n write differs.
func putUUID(dst []byte, kind, n uint64) {
	_ = dst[uuidLen-1]
	n |= kind << 60
	words := [2]uint64{mixed(n), mixed(^n)}
	digit := 0
	for i := range uuidLen {
		switch i {
		case 8, 13, 18, 23:
			dst[i] = '-'
		case 14:
			dst[i] = '4'
		case 19:
			dst[i] = "89ab"[words[1]>>62]
		default:
			dst[i] = hexDigits[words[digit>>4]>>(60-4*(digit&15))&15]
			digit++
		}
	}
}

// userLen is the length of a user's number as text.
const userLen = 16

// putUser writes the number of the user that a visitor is, in hexadecimal.
func putUser(dst []byte, visitor uint64) {
	_ = dst[userLen-1]
	word := mixed(visitor ^ 0x75736572)
	for i := range userLen {
		dst[i] = hexDigits[word>>(60-4*i)&15]
	}
}

// stamp is a time in the two forms in which SDKs send it, written anew each
// millisecond only.
type stamp struct {
	milli int64
	text  [24]byte // 2026-11-22T09:30:00.000Z
	digit [13]byte // milliseconds since 1970
}

func (s *stamp) set(now time.Time) {
	milli := now.UnixMilli()
	if milli == s.milli {
		return
	}
	s.milli = milli
	var buf [64]byte
	copy(s.text[:], now.UTC().AppendFormat(buf[:0], "2006-01-02T15:04:05.000Z"))
	for i := len(s.digit) - 1; i >= 0; i-- {
		s.digit[i] = byte('0' + milli%10)
		milli /= 10
	}
}
