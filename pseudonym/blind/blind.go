package blind

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"sync"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

// GateKey is one version of the gateway's key (K_gate).
type GateKey struct {
	Version uint32
	Key     secret.Bytes
}

// GateKeys are the live versions of K_gate, the current one first.
type GateKeys []GateKey

// ErrNoGateKey is returned by a Blinder that was given no key.
var ErrNoGateKey = errors.New("blind: no gateway key")

// Blinder turns identifiers into keyed hashes (h1) under the current version
// of K_gate. It is safe for concurrent use.
type Blinder struct {
	states *sync.Pool // of *blinding; nil without a key
}

// blinding is one reusable HMAC state with the buffers that a hash.Hash would
// otherwise make escape.
type blinding struct {
	mac     hash.Hash
	message []byte
	sum     [sha256.Size]byte
}

// messageRoom holds the longest message that is common: a site, a kind and an
// identifier with their lengths.
const messageRoom = MaxIdentifier + 256

// NewBlinder makes a Blinder of the first of the keys. Without keys, or with an
// empty one, it blinds nothing.
func NewBlinder(keys GateKeys) *Blinder {
	if len(keys) == 0 || keys[0].Key.IsZero() {
		return &Blinder{}
	}
	key := keys[0].Key
	return &Blinder{states: &sync.Pool{New: func() any {
		return &blinding{mac: hmac.New(sha256.New, key.Reveal()), message: make([]byte, 0, messageRoom)}
	}}}
}

// Blind normalises an identifier and hashes it together with the site, which is
// the pseudonymisation domain, and its kind:
//
//	h1 = HMAC-SHA-256(K_gate, len(site) site  len(kind) kind  len(value) value)
//
// where kind is its name ("email") and a length is four bytes, big-endian. The
// error names the kind and what is wrong, never the value. It keeps nothing of
// value; for kinds of exact bytes (visitor, user_id, customer_id) nothing is
// allocated.
func (b *Blinder) Blind(site event.SiteID, kind event.IdentifierKind, value []byte) (event.Blinded, error) {
	if b.states == nil {
		return event.Blinded{}, ErrNoGateKey
	}
	value, err := Normalise(kind, value)
	if err != nil {
		return event.Blinded{}, err
	}
	s := b.states.Get().(*blinding)
	s.message = appendField(s.message[:0], string(site))
	s.message = appendField(s.message, kind.String())
	s.message = appendField(s.message, value)
	h1 := s.finish()
	b.states.Put(s)
	return h1, nil
}

// BlindOther hashes what is not an identifier of a person but must not be kept
// in clear either (a group's id, a message's id), exactly as its bytes are. The
// domain keeps uses apart. Its results never equal one of Blind. Without a key,
// or of no bytes, it returns the zero Blinded.
func (b *Blinder) BlindOther(site event.SiteID, domain string, value []byte) event.Blinded {
	if b.states == nil || len(value) == 0 {
		return event.Blinded{}
	}
	s := b.states.Get().(*blinding)
	s.message = appendField(s.message[:0], string(site))
	s.message = appendField(s.message, "other") // not the name of any kind
	s.message = appendField(s.message, domain)
	s.message = appendField(s.message, value)
	h1 := s.finish()
	b.states.Put(s)
	return h1
}

// finish hashes the message and wipes it, so that a pooled state keeps no identifier.
func (s *blinding) finish() event.Blinded {
	s.mac.Reset()
	s.mac.Write(s.message)
	s.mac.Sum(s.sum[:0])
	clear(s.message)
	if cap(s.message) > 4*messageRoom {
		s.message = make([]byte, 0, messageRoom)
	}
	return event.Blinded(s.sum)
}

func appendField[T ~string | ~[]byte](dst []byte, field T) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(field)))
	return append(dst, field...)
}
