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
// from Epoch.Deriver to Release, and allocates nothing.
type Deriver struct {
	epoch              *Epoch
	link, decoy        hash.Hash
	consent, profiling hash.Hash
	visitor, lasting   hash.Hash // a visitor's: of the year, and of consent
	analytics          []hash.Hash

	// A hash.Hash makes what it reads and writes escape; these already have.
	in, out [sha256.Size]byte
}

// Deriver takes a deriver from the epoch's pool. Release gives it back.
func (e *Epoch) Deriver() *Deriver {
	if d, ok := e.derivers.Get().(*Deriver); ok {
		return d
	}
	d := &Deriver{
		epoch: e, link: keyed(e.link), decoy: keyed(e.decoy),
		consent: keyed(e.consent), profiling: keyed(e.profiling), visitor: keyed(e.visitor), lasting: keyed(e.lasting),
	}
	for _, v := range e.analytics {
		d.analytics = append(d.analytics, keyed(v))
	}
	return d
}

func keyed(v version) hash.Hash { return hmac.New(sha256.New, v.key.Reveal()) }

// Release wipes the deriver's buffers and gives it back to its epoch.
func (d *Deriver) Release() {
	clear(d.in[:])
	clear(d.out[:])
	d.epoch.derivers.Put(d)
}

// Index returns h2 = HMAC(K_link, h1).
func (d *Deriver) Index(h1 event.Blinded) Index { return Index(d.sum(d.link, h1)) }

// Decoy returns the salt of a contact that does not exist: always the same one
// for the same index, and unlike any real one.
func (d *Deriver) Decoy(index Index) Salt { return Salt(d.sum(d.decoy, index)) }

// Visitor returns the pseudonyms of a visitor. Those of its activity come from
// the salt HMAC(K_visitor[year], h1) and end with the year; that of its consent
// comes from HMAC(K_visitor_consent, h1) and lasts, as a refusal must.
func (d *Deriver) Visitor(h1 event.Blinded, period event.Period) event.Handles {
	handles := d.Contact(Salt(d.sum(d.visitor, h1)), period)
	handles.Consent = d.handle(d.consent, d.sum(d.lasting, h1))
	return handles
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
