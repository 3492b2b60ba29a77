package keyring

import (
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

// Ring holds the open keys. It is safe for concurrent use and prints as
// [redacted].
type Ring struct {
	now     func() time.Time
	slot    tink.AEAD
	gateway Gateway
	lasting map[string]version // the primary ones of the HMAC keysets

	changing sync.Mutex // held while keysets are made and destroyed
	keysets  keysets
	epoch    atomic.Pointer[Epoch]
}

// GateKey is one version of K_gate.
type GateKey struct {
	Version uint32
	Key     secret.Bytes
}

// Gateway are the keys that a gateway keeps in memory.
type Gateway struct {
	Gate   []GateKey // the current one first
	Spool  secret.Bytes
	Cookie secret.Bytes
}

// Open opens the keys of a folder, and makes them on the first start. The keys
// of the current period exist, and are durable, when it returns.
func Open(cfg Config) (*Ring, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	sets, err := openKeysets(cfg)
	if err != nil {
		return nil, err
	}
	r := &Ring{now: cfg.Now, keysets: sets, lasting: make(map[string]version)}
	for _, name := range lasting {
		if err := r.load(name); err != nil {
			return nil, err
		}
	}
	if _, err := r.Epoch(); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *Ring) load(name string) error {
	handle, err := r.keysets.read(name)
	if err != nil {
		return err
	}
	if name == nameSlot {
		r.slot, err = aead.New(handle)
		if err != nil {
			return fmt.Errorf("keyset %s: %w", name, err)
		}
		return nil
	}
	live, err := versions(name, handle)
	if err != nil {
		return err
	}
	r.lasting[name] = live[0]
	switch name {
	case nameGate:
		for _, v := range live {
			r.gateway.Gate = append(r.gateway.Gate, GateKey{Version: v.id, Key: v.key})
		}
	case nameSpool:
		r.gateway.Spool = live[0].key
	case nameCookie:
		r.gateway.Cookie = live[0].key
	}
	return nil
}

// Gateway returns the keys that a gateway keeps in memory.
func (r *Ring) Gateway() Gateway { return r.gateway }

// Slot returns what seals the vault's salts.
func (r *Ring) Slot() tink.AEAD { return r.slot }

// Epoch returns the keys that are in force now. When a month or a year has
// begun, its keys are made, durably, and last year's visitor keys are destroyed,
// before it returns. An error means that nothing may be derived.
func (r *Ring) Epoch() (*Epoch, error) {
	now := r.now().UTC()
	if e := r.epoch.Load(); e != nil && e.covers(now) {
		return e, nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if e := r.epoch.Load(); e != nil && e.covers(now) {
		return e, nil
	}
	e, err := r.begin(now)
	if err != nil {
		return nil, fmt.Errorf("keys of %d: %w", periodOf(now), err)
	}
	r.epoch.Store(e)
	return e, nil
}

// begin makes the epoch of now.
func (r *Ring) begin(now time.Time) (*Epoch, error) {
	e := newEpoch(now)
	e.link, e.decoy = r.lasting[nameLink], r.lasting[nameDecoy]
	e.consent, e.profiling, e.lasting = r.lasting[nameConsent], r.lasting[nameProfiling], r.lasting[nameVisitorConsent]
	for _, period := range e.periods {
		key, err := r.ensure(analyticsName(period))
		if err != nil {
			return nil, err
		}
		e.analytics = append(e.analytics, key)
	}
	var err error
	if e.visitor, err = r.ensure(visitorName(now.Year())); err != nil {
		return nil, err
	}
	return e, r.endVisitors(now)
}

func (r *Ring) ensure(name string) (version, error) {
	handle, err := r.keysets.ensure(name)
	if err != nil {
		return version{}, err
	}
	live, err := versions(name, handle)
	if err != nil {
		return version{}, err
	}
	return live[0], nil
}

// endVisitors destroys the visitor keys whose life is over.
func (r *Ring) endVisitors(now time.Time) error {
	years, err := r.keysets.names(visitorPrefix)
	if err != nil {
		return err
	}
	for _, text := range years {
		var year int
		if _, err := fmt.Sscanf(text, "%4d", &year); err != nil || visitorLives(year, now) {
			continue
		}
		if err := r.keysets.destroy(visitorPrefix + text); err != nil {
			return err
		}
	}
	return nil
}

const visitorPrefix = "visitor-"

func visitorName(year int) string { return fmt.Sprintf("%s%04d", visitorPrefix, year) }

func analyticsName(period event.Period) string { return fmt.Sprintf("analytics-%06d", period) }

// visitorLives says whether the visitor key of a year is still kept: through the
// first day after it, in case the clock is set back over the turn.
func visitorLives(year int, now time.Time) bool {
	return year >= now.Add(-near).Year()
}

// String returns "[redacted]".
func (*Ring) String() string { return redacted }

// GoString returns "[redacted]".
func (*Ring) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (*Ring) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (*Ring) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes a key.
func (*Ring) MarshalText() ([]byte, error) { return []byte(redacted), nil }

const redacted = "[redacted]"
