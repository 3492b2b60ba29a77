package cookie

import (
	"bytes"
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

// MaxSites is how many sites of one host a cookie holds what was sealed for: the
// ones that were chosen for last.
const MaxSites = 8

const (
	format    = 1
	macSize   = sha256.Size
	headSize  = 1 + 4 // format, issued-at in seconds
	minKey    = 16
	maxRaw    = 3 << 10 // of one site: a browser keeps 4 KiB of base64
	maxText   = 4000    // of all sites: a browser keeps 4 KiB, the name included
	separator = '.'
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

// open finds the site's entry in a cookie, verifies it, and calls use with its
// payload, which is valid during the call only. The entries of other sites are
// verified only when the site has none: a changed one may have been the site's.
func (j *Jar) open(name string, site event.SiteID, value []byte, now time.Time, use func(payload []byte) bool) error {
	if !j.usable || bytes.Count(value, []byte{separator}) >= MaxSites {
		return ErrUnreadable
	}
	s := j.states.Get().(*state) // the pool holds nothing else
	defer j.states.Put(s)
	found, at := false, 0
	for rest, more := value, true; more; {
		var text []byte
		start := len(value) - len(rest)
		text, rest, more = bytes.Cut(rest, []byte{separator})
		if e, ok := s.decode(text); ok && string(e.site) == string(site) {
			if found {
				return ErrUnreadable // which of the two was meant?
			}
			found, at = true, start
		}
	}
	if !found {
		return j.others(s, name, value, now)
	}
	text, _, _ := bytes.Cut(value[at:], []byte{separator})
	e, _ := s.decode(text)
	if err := s.verify(name, e, now); err != nil {
		return err
	}
	if !use(e.payload) {
		return ErrUnreadable
	}
	return nil
}

// others says that a cookie is of other sites only, if that is certain.
func (j *Jar) others(s *state, name string, value []byte, now time.Time) error {
	for text := range bytes.SplitSeq(value, []byte{separator}) {
		e, ok := s.decode(text)
		if !ok || errors.Is(s.verify(name, e, now), ErrUnreadable) {
			return ErrUnreadable
		}
	}
	return ErrOtherSite
}

// entry is what was sealed for one site. It lies in the state that decoded it.
type entry struct{ body, sum, site, payload []byte }

func (e entry) issued() time.Time {
	return time.Unix(int64(binary.BigEndian.Uint32(e.body[1:])), 0).UTC()
}

// decode reads one entry and believes nothing of it yet.
func (s *state) decode(text []byte) (e entry, ok bool) {
	if encoding.DecodedLen(len(text)) > maxRaw || hasBreak(text) {
		return e, false
	}
	n, err := encoding.Decode(s.raw[:], text)
	if err != nil || n < headSize+1+macSize {
		return e, false
	}
	e.body, e.sum = s.raw[:n-macSize], s.raw[n-macSize:n]
	length := int(e.body[headSize])
	if headSize+1+length > len(e.body) {
		return e, false
	}
	e.site, e.payload = e.body[headSize+1:headSize+1+length], e.body[headSize+1+length:]
	return e, true
}

func (s *state) verify(name string, e entry, now time.Time) error {
	if !hmac.Equal(e.sum, s.sign(name, e.body)) || e.body[0] != format || e.issued().After(now.Add(clockSkew)) {
		return ErrUnreadable
	}
	if !now.Before(e.issued().AddDate(0, MaxAgeMonths, 0)) {
		return ErrExpired
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
