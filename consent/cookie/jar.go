package cookie

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
	"time"

	"zgoda/event"
)

// The names of the cookies. The prefix makes browsers refuse them unless they
// are Secure, for the whole host and for no other.
const (
	Visitor = "__Host-zgoda_visitor"
	Choice  = "__Host-zgoda_consent"
)

// MaxAgeMonths is how long a cookie opens after it was sealed.
const MaxAgeMonths = 13

const (
	format    = 1
	macSize   = sha256.Size
	headSize  = 1 + 4 // format, issued-at in seconds
	minKey    = 16
	maxRaw    = 3 << 10 // a browser keeps 4 KiB of base64
	clockSkew = 24 * time.Hour
)

// The reasons why a cookie does not open.
var (
	// ErrUnreadable: it was not sealed with this key, or was altered.
	ErrUnreadable = errors.New("cookie cannot be verified")
	// ErrExpired: it was sealed too long ago. It counts as absent.
	ErrExpired = errors.New("cookie has expired")
	// ErrOtherSite: it is good, for another site of the same host. It counts as absent.
	ErrOtherSite = errors.New("cookie is another site's")
)

// encoding is strict, so that one value has one text.
var encoding = base64.RawURLEncoding.Strict()

// Jar seals and opens cookies under one key. It is safe for concurrent use and
// prints as [redacted].
type Jar struct {
	usable bool
	states sync.Pool
}

// NewJar returns a jar for a key of at least 16 bytes, which it copies. With a
// shorter key nothing is sealed and nothing opens.
func NewJar(key []byte) *Jar {
	j := &Jar{usable: len(key) >= minKey}
	own := append([]byte(nil), key...)
	j.states.New = func() any { return &state{mac: hmac.New(sha256.New, own)} }
	return j
}

// String returns "[redacted]".
func (*Jar) String() string { return "[redacted]" }

// GoString returns "[redacted]".
func (*Jar) GoString() string { return "[redacted]" }

// state is one HMAC and the buffers it works in.
type state struct {
	mac  hash.Hash
	sum  [macSize]byte
	head [4]byte
	raw  [maxRaw]byte
}

// sign returns the MAC over the cookie's name and its bytes, each after its
// length. The bytes hold format, issued-at, site and payload.
func (s *state) sign(name string, body []byte) []byte {
	s.mac.Reset()
	binary.BigEndian.PutUint32(s.head[:], uint32(len(name)))
	s.mac.Write(s.head[:])
	n := copy(s.sum[:], name) // the names are shorter than a sum
	s.mac.Write(s.sum[:n])
	s.mac.Write(body)
	return s.mac.Sum(s.sum[:0])
}

// seal returns the cookie's text: base64url of format, issued-at, site, payload, MAC.
func (j *Jar) seal(name string, site event.SiteID, payload []byte, now time.Time) string {
	size := headSize + 1 + len(site) + len(payload) + macSize
	if !j.usable || len(site) > 255 || size > maxRaw || now.Unix() < 0 || now.Unix() > 1<<32-1 {
		return ""
	}
	raw := make([]byte, 0, size)
	raw = append(raw, format)
	raw = binary.BigEndian.AppendUint32(raw, uint32(now.Unix()))
	raw = append(raw, byte(len(site)))
	raw = append(raw, site...)
	raw = append(raw, payload...)
	s := j.states.Get().(*state) // the pool holds nothing else
	raw = append(raw, s.sign(name, raw)...)
	j.states.Put(s)
	return encoding.EncodeToString(raw)
}

// open verifies a cookie and calls use with its payload, which is valid during
// the call only.
func (j *Jar) open(name string, site event.SiteID, value []byte, now time.Time, use func(payload []byte) bool) error {
	if !j.usable || encoding.DecodedLen(len(value)) > maxRaw {
		return ErrUnreadable
	}
	s := j.states.Get().(*state) // the pool holds nothing else
	defer j.states.Put(s)
	n, err := encoding.Decode(s.raw[:], value)
	if err != nil || n < headSize+1+macSize || hasBreak(value) {
		return ErrUnreadable
	}
	body, sum := s.raw[:n-macSize], s.raw[n-macSize:n]
	if !hmac.Equal(sum, s.sign(name, body)) || body[0] != format {
		return ErrUnreadable
	}
	issued := time.Unix(int64(binary.BigEndian.Uint32(body[1:])), 0).UTC()
	if issued.After(now.Add(clockSkew)) {
		return ErrUnreadable
	}
	if !now.Before(issued.AddDate(0, MaxAgeMonths, 0)) {
		return ErrExpired
	}
	length := int(body[headSize])
	if headSize+1+length > len(body) {
		return ErrUnreadable
	}
	if string(body[headSize+1:headSize+1+length]) != string(site) {
		return ErrOtherSite
	}
	if !use(body[headSize+1+length:]) {
		return ErrUnreadable
	}
	return nil
}

// hasBreak finds line breaks, which the decoder skips: they would give one
// value several texts.
func hasBreak(value []byte) bool {
	for _, c := range value {
		if c == '\n' || c == '\r' {
			return true
		}
	}
	return false
}
