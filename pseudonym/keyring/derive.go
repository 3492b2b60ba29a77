package keyring

import (
	"crypto/hmac"
	"crypto/sha256"
	"fmt"
	"hash"
	"log/slog"

	"zgoda/event"
)

// Index is a contact's identifier after the keyholder's own keyed hash (h2). It
// finds the contact in the vault. It prints as [redacted].
type Index [32]byte

// Salt is what all pseudonyms of one subject come from. It prints as [redacted].
type Salt [32]byte

// Format writes "[redacted]" under every verb.
func (Index) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Index) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Index) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Format writes "[redacted]" under every verb.
func (Salt) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Salt) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Salt) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Deriver computes under the keys of one epoch. It belongs to one goroutine,
// from Epoch.Deriver to Release, and allocates nothing. A rotation waits until
// it is released: what it said of a contact is to be used before.
type Deriver struct {
	epoch              *Epoch
	link               []hash.Hash // the chain
	decoy              hash.Hash
	consent, profiling hash.Hash
	visitor, lasting   hash.Hash // a visitor's: of the year, and of consent
	visitorProfiling   hash.Hash
	purposes           []hash.Hash // in the order of the epoch's
	analytics          []hash.Hash

	// A hash.Hash makes what it reads and writes escape; these already have.
	in, out [sha256.Size]byte
}

// Deriver takes a deriver from the epoch's pool, or from that of the epoch that
// has come after it. Release gives it back.
func (e *Epoch) Deriver() *Deriver {
	e.users.Add(1)
	if next := e.next.Load(); next != nil {
		e.users.Add(-1)
		return next.Deriver()
	}
	if d, ok := e.derivers.Get().(*Deriver); ok {
		return d
	}
	return &Deriver{
		epoch: e, link: keyedAll(e.link), decoy: keyed(e.decoy),
		consent: keyed(e.consent), profiling: keyed(e.profiling), visitor: keyed(e.visitor), lasting: keyed(e.lasting),
		visitorProfiling: keyed(e.visitorProfiling), purposes: keyedAll(e.purposes), analytics: keyedAll(e.analytics),
	}
}

func keyed(v version) hash.Hash { return hmac.New(sha256.New, v.key.Reveal()) }

func keyedAll(versions []version) []hash.Hash {
	out := make([]hash.Hash, 0, len(versions))
	for _, v := range versions {
		out = append(out, keyed(v))
	}
	return out
}

// Release wipes the deriver's buffers and gives it back to its epoch.
func (d *Deriver) Release() {
	clear(d.in[:])
	clear(d.out[:])
	e := d.epoch
	e.derivers.Put(d)
	e.users.Add(-1)
}

// Index returns h2 = HMAC(Kn, ... HMAC(K1, h1)) over the whole chain of K_link.
func (d *Deriver) Index(h1 event.Blinded) Index { return Index(d.chain(h1, len(d.link))) }

// Indexes returns the index of an identifier and, while contacts are carried
// over to a new K_link, the one that it may still be found by. The old one is to
// be looked for first: a contact goes from the old to the current, never back.
func (d *Deriver) Indexes(h1 event.Blinded) (current, old Index, carrying bool) {
	if !d.epoch.carrying {
		return d.Index(h1), Index{}, false
	}
	old = Index(d.chain(h1, len(d.link)-1))
	return d.Advance(old), old, true
}

// Advance applies the last link of the chain to an index that was made without
// it: h2' = HMAC(K', h2).
func (d *Deriver) Advance(index Index) Index {
	return Index(d.sum(d.link[len(d.link)-1], index))
}

// IndexBy returns the index that a chain of so many links gave; a length that the chain
// has not is taken for its own.
func (d *Deriver) IndexBy(h1 event.Blinded, links uint32) Index {
	return Index(d.chain(h1, int(min(links, uint32(len(d.link))))))
}

// Links returns the length of the chain.
func (d *Deriver) Links() uint32 { return uint32(len(d.link)) }

func (d *Deriver) chain(message [32]byte, length int) [32]byte {
	for _, key := range d.link[:length] {
		message = d.sum(key, message)
	}
	return message
}

// Decoy returns the salt of a contact that does not exist: always the same one
// for the same identifier, and unlike any real one. It is derived from h1, since
// h2 changes with K_link, and a real contact's pseudonyms do not: h1 is to be the
// one under the oldest live K_gate that the caller sent.
func (d *Deriver) Decoy(h1 event.Blinded) Salt { return Salt(d.sum(d.decoy, h1)) }

// Visitor returns the pseudonyms of a visitor. Those of its activity come from
// the salt HMAC(K_visitor[year], h1) and end with the year; that of its consent
// comes from HMAC(K_visitor_consent, h1) and lasts, as a refusal must. Through
// the year they are under the K_purpose[profiling] that it began with.
func (d *Deriver) Visitor(h1 event.Blinded, period event.Period) event.Handles {
	at, salt := d.epoch.place(period), d.sum(d.visitor, h1)
	return event.Handles{
		Consent:   d.handle(d.consent, d.sum(d.lasting, h1)),
		Profiling: d.handle(d.visitorProfiling, salt),
		Analytics: d.handle(d.analytics[at], salt),
		Period:    d.epoch.periods[at],
		Version:   event.KeyVersion(d.epoch.visitorProfiling.id),
	}
}

// Contact returns the pseudonyms that come from a salt: HMAC(K_purpose[, period], s),
// the first 16 bytes of it. The analytics one is for the asked period if that is
// in force, else for the current one.
func (d *Deriver) Contact(salt Salt, period event.Period) event.Handles {
	at := d.epoch.place(period)
	return event.Handles{
		Consent:   d.handle(d.consent, salt),
		Profiling: d.handle(d.profiling, salt),
		Analytics: d.handle(d.analytics[at], salt),
		Period:    d.epoch.periods[at],
		Version:   event.KeyVersion(d.epoch.profiling.id),
	}
}

// Map returns a contact's profiling pseudonyms under two versions of the key;
// a version that there is not gives a zero one.
func (d *Deriver) Map(salt Salt, from, to uint32) (old, current event.Handle) {
	for i, v := range d.epoch.purposes {
		if v.id == from {
			old = d.handle(d.purposes[i], salt)
		}
		if v.id == to {
			current = d.handle(d.purposes[i], salt)
		}
	}
	return old, current
}

func (d *Deriver) handle(key hash.Hash, salt [32]byte) (h event.Handle) {
	sum := d.sum(key, salt)
	copy(h[:], sum[:])
	return h
}

func (d *Deriver) sum(key hash.Hash, message [32]byte) [32]byte {
	d.in = message
	key.Reset()
	key.Write(d.in[:])
	key.Sum(d.out[:0])
	return d.out
}
