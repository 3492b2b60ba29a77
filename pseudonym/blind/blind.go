package blind

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"hash"
	"sync"
	"sync/atomic"

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

// Blinder turns identifiers into keyed hashes (h1): those of contacts under the
// current version of K_gate, visitors and other ids under the one that they began
// with. It is safe for concurrent use.
type Blinder struct {
	live atomic.Pointer[live]
}

// live are the keys in use. A pool is nil without its key.
type live struct {
	gate                  uint32 // version of contact
	contact, old, visitor *sync.Pool
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
	b := &Blinder{}
	b.Use(keys, GateKey{})
	return b
}

// Use goes over to other keys: contacts to the first and, while two are live, the
// second; visitors and other ids to visitor, or to the first if that is empty.
func (b *Blinder) Use(keys GateKeys, visitor GateKey) {
	next := &live{}
	if len(keys) > 0 {
		next.gate, next.contact = keys[0].Version, poolOf(keys[0])
	}
	if len(keys) > 1 {
		next.old = poolOf(keys[1])
	}
	if next.visitor = poolOf(visitor); next.visitor == nil {
		next.visitor = next.contact
	}
	b.live.Store(next)
}

func poolOf(k GateKey) *sync.Pool {
	if k.Key.IsZero() {
		return nil
	}
	return &sync.Pool{New: func() any {
		return &blinding{mac: hmac.New(sha256.New, k.Key.Reveal()), message: make([]byte, 0, messageRoom)}
	}}
}

// Both is an identifier under the live gate keys.
type Both struct {
	H1   event.Blinded
	Old  event.Blinded // of a contact, while two keys are live: under the one before; else zero
	Gate uint32        // the version that H1 is under while two are live, else 0: not told
}

// BlindBoth is Blind under both keys, while two are live. It allocates no more
// than Blind does.
func (b *Blinder) BlindBoth(site event.SiteID, kind event.IdentifierKind, value []byte) (out Both, err error) {
	l := b.live.Load()
	pool := l.poolFor(kind)
	if pool == nil {
		return Both{}, ErrNoGateKey
	}
	if value, err = Normalise(kind, value); err != nil {
		return Both{}, err
	}
	out.H1 = blindUnder(pool, site, kind, value)
	if l.old != nil && kind != event.KindVisitor {
		out.Old, out.Gate = blindUnder(l.old, site, kind, value), l.gate
	}
	return out, nil
}

func (l *live) poolFor(kind event.IdentifierKind) *sync.Pool {
	switch {
	case l == nil:
		return nil
	case kind == event.KindVisitor:
		return l.visitor
	}
	return l.contact
}

// blindUnder hashes a normalised identifier.
func blindUnder(pool *sync.Pool, site event.SiteID, kind event.IdentifierKind, value []byte) event.Blinded {
	s := pool.Get().(*blinding) //nolint:forcetypeassert // the pool's New makes nothing else
	s.message = appendField(s.message[:0], string(site))
	s.message = appendField(s.message, kind.String())
	s.message = appendField(s.message, value)
	h1 := s.finish()
	pool.Put(s)
	return h1
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
	pool := b.live.Load().poolFor(kind)
	if pool == nil {
		return event.Blinded{}, ErrNoGateKey
	}
	value, err := Normalise(kind, value)
	if err != nil {
		return event.Blinded{}, err
	}
	return blindUnder(pool, site, kind, value), nil
}

// BlindOther hashes what is not an identifier of a person but must not be kept
// in clear either (a group's id, a message's id), exactly as its bytes are. The
// domain keeps uses apart. Its results never equal one of Blind. Without a key,
// or of no bytes, it returns the zero Blinded.
func (b *Blinder) BlindOther(site event.SiteID, domain string, value []byte) event.Blinded {
	pool := b.live.Load().poolFor(event.KindVisitor)
	if pool == nil || len(value) == 0 {
		return event.Blinded{}
	}
	s := pool.Get().(*blinding) //nolint:forcetypeassert // the pool's New makes nothing else
	s.message = appendField(s.message[:0], string(site))
	s.message = appendField(s.message, "other") // not the name of any kind
	s.message = appendField(s.message, domain)
	s.message = appendField(s.message, value)
	h1 := s.finish()
	pool.Put(s)
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
