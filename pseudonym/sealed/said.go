package sealed

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"time"
	"unicode/utf8"

	"zgoda/event"
)

// Bounds of what one event says of its contact.
const (
	MaxStatements = 80       // identifiers and traits
	MaxSaid       = 24 << 10 // bytes of them all, before they are sealed
	// MaxSaidBlob is the greatest length of it sealed, in bytes.
	MaxSaidBlob = sealedOverhead + MaxSaid + saidPad

	saidPad     = 64 // a blob's length tells no more than this
	saidVersion = 1
)

// saidInfo ties what is sealed to this use: no blob of one can stand for one of the other.
var saidInfo = []byte("zgoda said 1")

// ErrSaid is returned for what cannot be sealed: too much, or nothing.
var ErrSaid = errors.New("sealed: what is said of a contact is nothing, or too much")

// Statement is one identifier or trait in clear. It prints as [redacted].
type Statement struct {
	Kind  event.IdentifierKind // KindUnknown: a trait
	Name  string               // of a trait
	Value string
}

// Format writes "[redacted]" under every verb.
func (Statement) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Statement) LogValue() slog.Value { return slog.StringValue(redacted) }

// Said is what one event says of its contact. It prints as [redacted].
type Said struct {
	Site   event.SiteID
	Seen   time.Time // in milliseconds
	Source string    // what said it
	List   []Statement
}

// Format writes "[redacted]" under every verb.
func (Said) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Said) LogValue() slog.Value { return slog.StringValue(redacted) }

// SaidSize returns how many bytes of MaxSaid a statement takes.
func SaidSize(name, value int) int { return 1 + 2 + name + 2 + value }

// SealSaid appends what was said, sealed to a public key, to dst.
func SealSaid(dst, public []byte, s *Said) ([]byte, error) {
	key, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return dst, ErrKey
	}
	plain := s.append(make([]byte, 0, MaxSaid+saidPad))
	defer clear(plain)
	if len(s.List) == 0 || len(s.List) > MaxStatements || len(plain) > MaxSaid+saidPad {
		return dst, ErrSaid
	}
	blob, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), saidInfo, plain)
	if err != nil {
		return dst, fmt.Errorf("seal what is said of a contact: %w", err)
	}
	return append(dst, blob...), nil
}

// SealSaid appends what was said, sealed to the key that the keyholder last handed
// out, to dst.
func (s *Sealer) SealSaid(dst []byte, said *Said) ([]byte, error) {
	to := s.to.Load()
	if to == nil {
		return dst, ErrNoKey
	}
	return SealSaid(dst, to.public, said)
}

// OpenSaid returns what a blob of SealSaid holds, or ErrBlob.
func (o *Opener) OpenSaid(blob []byte) (Said, error) {
	if len(blob) > MaxSaidBlob {
		return Said{}, ErrBlob
	}
	for _, k := range o.keys {
		plain, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), saidInfo, blob)
		if err != nil {
			continue
		}
		said, err := readSaid(plain)
		clear(plain)
		return said, err
	}
	return Said{}, ErrBlob
}

func appendText[T ~string](b []byte, text T) []byte {
	b = binary.BigEndian.AppendUint16(b, uint16(min(len(text), MaxSaid)))
	return append(b, text...)
}

func (s *Said) append(b []byte) []byte {
	b = append(b, saidVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(s.Seen.UnixMilli()))
	b = appendText(appendText(b, s.Site), s.Source)
	b = append(b, byte(min(len(s.List), MaxStatements+1)))
	for i := range s.List {
		b = append(b, byte(s.List[i].Kind))
		b = appendText(appendText(b, s.List[i].Name), s.List[i].Value)
	}
	if over := len(b) % saidPad; over != 0 {
		b = append(b, make([]byte, saidPad-over)...)
	}
	return b
}

// reader reads what append wrote; after an error everything is zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) take(n int) []byte {
	if r.bad || n > len(r.rest) {
		r.bad = true
		return nil
	}
	part := r.rest[:n]
	r.rest = r.rest[n:]
	return part
}

func (r *reader) byte() byte {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) text() string {
	b := r.take(2)
	if b == nil {
		return ""
	}
	text := r.take(int(binary.BigEndian.Uint16(b)))
	r.bad = r.bad || !utf8.Valid(text)
	return string(text)
}

// readSaid reads what append wrote, and nothing else: whatever it accepts is written
// again as the same bytes.
func readSaid(plain []byte) (Said, error) {
	r := &reader{rest: plain, bad: len(plain)%saidPad != 0 || len(plain) > MaxSaid+saidPad}
	r.bad = r.byte() != saidVersion || r.bad
	var s Said
	if b := r.take(8); b != nil {
		milli := int64(binary.BigEndian.Uint64(b))
		r.bad = milli < 0
		s.Seen = time.UnixMilli(milli).UTC()
	}
	s.Site, s.Source = event.SiteID(r.text()), r.text()
	n := int(r.byte())
	r.bad = r.bad || n == 0 || n > MaxStatements
	for range n {
		one := Statement{Kind: event.IdentifierKind(r.byte()), Name: r.text(), Value: r.text()}
		trait := one.Kind == event.KindUnknown
		r.bad = r.bad || one.Kind == event.KindVisitor || one.Kind > event.KindCustomerID || trait == (one.Name == "")
		if r.bad {
			return Said{}, ErrBlob
		}
		s.List = append(s.List, one)
	}
	for _, b := range r.rest {
		r.bad = r.bad || b != 0
	}
	if r.bad || len(r.rest) >= saidPad {
		return Said{}, ErrBlob
	}
	return s, nil
}
