package keyring

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/secret"
)

// Ring holds the open keys. It is safe for concurrent use and prints as
// [redacted].
type Ring struct {
	cfg      Config
	slots    Slots
	gateway  atomic.Pointer[Gateway]
	revision atomic.Uint64
	epoch    atomic.Pointer[Epoch]
	carrying atomic.Pointer[[]Key] // keys with an old version

	began  time.Time
	looked atomic.Int64 // at a shared shelf, nanoseconds after began
	held   atomic.Bool  // of a shared shelf: a link of the chain is about to come into use
	lag    atomic.Pointer[error]

	changing sync.Mutex // held while keysets are made, changed and destroyed
	wraps    *wrappings
	sets     map[string]*set     // the lasting ones, and those of the epoch
	leaving  []kek.Provider      // that the keys were under before
	ended    []*Epoch            // whose users nobody has waited for
	like     map[string]Revision // of a shared shelf: keysets that are wrapped anew, with the keys that are held
	behind   bool                // a rebuild failed: the epoch is from before a change of the keysets
}

// GateKey is one version of K_gate.
type GateKey struct {
	Version uint32
	Key     secret.Bytes
}

// Gateway are the keys that a gateway keeps in memory.
type Gateway struct {
	Gate    []GateKey // of contacts: the current one first, then the one before it
	Visitor GateKey   // of visitors and everything else that is no contact
	Spool   secret.Bytes
	Cookie  secret.Bytes
}

// Open opens the keys of a folder, and makes them on the first start. The keys
// of the current period exist, and are durable, when it returns.
func Open(ctx context.Context, cfg Config) (*Ring, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	wraps, err := openKeysets(ctx, cfg)
	if err != nil {
		return nil, err
	}
	r := &Ring{cfg: cfg, wraps: wraps, sets: make(map[string]*set), like: make(map[string]Revision), began: time.Now()}
	r.slots.stale = r.stale
	for _, name := range lasting {
		if r.sets[name], err = wraps.read(ctx, name); err != nil {
			return nil, err
		}
	}
	if err := r.finishEndings(ctx); err != nil {
		return nil, err
	}
	if err := r.publish(); err != nil {
		return nil, err
	}
	if _, err := r.Epoch(); err != nil { //nolint:contextcheck // what it may write is worth finishing
		return nil, err
	}
	return r, nil
}

// publish brings what is read without a lock up to what the keysets say.
func (r *Ring) publish() error {
	if err := r.publishKeys(); err != nil {
		return err
	}
	r.revision.Store(r.revisionOf())
	return nil
}

// publishKeys leaves the revision to a rebuild: who is told of another one is
// answered under the keys that it is of.
func (r *Ring) publishKeys() error {
	if err := r.slots.set(r.sets[nameSlot]); err != nil {
		return err
	}
	g := &Gateway{}
	gate, err := r.sets[nameGate].keys(StateOld, StateCurrent)
	if err != nil {
		return err
	}
	slices.Reverse(gate) // the newest first
	for _, v := range gate {
		g.Gate = append(g.Gate, GateKey{Version: v.id, Key: v.key})
	}
	for name, to := range map[string]*secret.Bytes{nameSpool: &g.Spool, nameCookie: &g.Cookie, nameGateVisitor: &g.Visitor.Key} {
		v, err := r.sets[name].current()
		if err != nil {
			return err
		}
		*to = v.key
		if name == nameGateVisitor {
			g.Visitor.Version = v.id
		}
	}
	r.gateway.Store(g)
	var carrying []Key
	for name, s := range r.sets {
		if len(s.having(StateOld)) > 0 {
			carrying = append(carrying, Key(name))
		}
	}
	r.carrying.Store(&carrying)
	r.held.Store(r.cfg.Shelf != nil && len(r.sets[nameLink].having(StateMade)) > 0)
	return nil
}

// revisionOf is another one whenever a gateway would be told something else.
func (r *Ring) revisionOf() uint64 {
	h := sha256.New()
	for _, name := range []string{nameGate, nameGateVisitor, nameSpool, nameCookie, nameSealing, nameProfiling} {
		for _, m := range r.sets[name].head.Versions {
			if m.State == StateCurrent || m.State == StateOld {
				_, _ = fmt.Fprintf(h, "%s %d %s\n", name, m.ID, m.State)
			}
		}
	}
	return binary.BigEndian.Uint64(h.Sum(nil)) | 1 // never that of nobody
}

// Close lets go of the key-encryption key.
func (r *Ring) Close() error {
	r.changing.Lock()
	defer r.changing.Unlock()
	errs := []error{r.wraps.provider.Close()}
	for _, p := range r.leaving {
		errs = append(errs, p.Close())
	}
	r.leaving = nil
	return errors.Join(errs...)
}

// Gateway returns the keys that a gateway keeps in memory.
func (r *Ring) Gateway() Gateway { return *r.gateway.Load() }

// Revision is another one after every change that gateways have to know of: of
// the keys they keep, and of a purpose key.
func (r *Ring) Revision() uint64 { return r.revision.Load() }

// Slot returns what seals the vault's salts, under the current slot key.
func (r *Ring) Slot() tink.AEAD { return &r.slots }

// Slots returns what seals under the versions of the slot key.
func (r *Ring) Slots() *Slots { return &r.slots }

// Secret is one version of a key of the keyholder's own.
type Secret struct {
	Version uint32
	Key     secret.Bytes // 32 bytes
}

// Sealing returns the seeds of the keys that open what gateways sealed while the
// keyholder was away, the current one first.
func (r *Ring) Sealing() ([]Secret, error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	live, err := r.sets[nameSealing].keys(StateOld, StateCurrent)
	if err != nil {
		return nil, err
	}
	slices.Reverse(live)
	out := make([]Secret, 0, len(live))
	for _, v := range live {
		out = append(out, Secret{Version: v.id, Key: v.key})
	}
	return out, nil
}

// Epoch returns the keys that are in force now. When a month or a year has
// begun, its keys are made, durably, and last year's visitor keys are dropped,
// before it returns. An error means that nothing may be derived.
func (r *Ring) Epoch() (*Epoch, error) {
	switch {
	case r.stale():
		return nil, ErrStale
	case r.held.Load():
		return nil, ErrHeld
	}
	now := r.now()
	if e := r.epoch.Load(); e != nil && e.covers(now) {
		return e, nil
	}
	r.changing.Lock()
	defer r.changing.Unlock()
	if e := r.epoch.Load(); e != nil && e.covers(now) {
		return e, nil
	}
	e, err := r.begin(context.Background(), now)
	if err != nil {
		return nil, fmt.Errorf("keys of %d: %w", periodOf(now), err)
	}
	r.succeed(e)
	return e, nil
}

// begin makes the epoch of now. The caller holds changing.
func (r *Ring) begin(ctx context.Context, now time.Time) (*Epoch, error) {
	e := newEpoch(now)
	for name, to := range map[string]*version{nameDecoy: &e.decoy, nameConsent: &e.consent, nameProfiling: &e.profiling, nameVisitorConsent: &e.lasting} {
		v, err := r.sets[name].current()
		if err != nil {
			return nil, err
		}
		*to = v
	}
	var err error
	if e.link, err = r.sets[nameLink].keys(StateKept, StateOld, StateCurrent); err != nil {
		return nil, err
	}
	e.carrying = len(r.sets[nameLink].having(StateOld)) > 0
	if e.purposes, err = r.sets[nameProfiling].keys(StateKept, StateOld, StateCurrent); err != nil {
		return nil, err
	}
	for _, period := range e.periods {
		key, err := r.ensure(ctx, analyticsName(period))
		if err != nil {
			return nil, err
		}
		e.analytics = append(e.analytics, key)
	}
	year := visitorName(now.Year())
	if e.visitor, err = r.ensure(ctx, year); err != nil {
		return nil, err
	}
	e.visitorProfiling = r.goesWith(r.sets[year], e.purposes)
	if r.cfg.Shelf != nil {
		return e, nil // who rotates ends them
	}
	return e, r.endVisitors(ctx, now)
}

// goesWith returns the version of purpose-profiling that a year's visitors stay
// under. A year from before layout 3 began under the first there is.
func (r *Ring) goesWith(year *set, purposes []version) version {
	for _, v := range purposes {
		if v.id == year.head.With {
			return v
		}
	}
	return purposes[0]
}

// ensure returns the current key of a keyset, which it makes if it is not there.
func (r *Ring) ensure(ctx context.Context, name string) (version, error) {
	s, err := r.wraps.read(ctx, name)
	if isMissing(err) {
		s, err = r.create(ctx, name)
	}
	if err != nil {
		return version{}, err
	}
	r.sets[name] = s
	return s.current()
}

func (r *Ring) create(ctx context.Context, name string) (_ *set, err error) {
	if r.cfg.Shelf != nil {
		release, failed := r.alone(ctx)
		if failed != nil {
			return nil, failed
		}
		defer func() { err = errors.Join(err, release()) }()
		if s, err := r.wraps.read(ctx, name); !isMissing(err) { // another keyholder was first
			return s, err
		}
	}
	s, err := newSet(name, r.now())
	if err != nil {
		return nil, err
	}
	if isVisitor(name) {
		with, err := r.sets[nameProfiling].current()
		if err != nil {
			return nil, err
		}
		s.head.With = with.id
	}
	if err := r.record(ctx, ActMade, name, s.head.Versions[0].Number, ""); err != nil {
		return nil, err
	}
	return s, r.wraps.put(ctx, s)
}

// endVisitors drops the visitor keys whose life is over.
func (r *Ring) endVisitors(ctx context.Context, now time.Time) error {
	years, err := r.wraps.names(ctx, visitorPrefix)
	if err != nil {
		return err
	}
	for _, text := range years {
		var year int
		if _, err := fmt.Sscanf(text, "%4d", &year); err != nil || visitorLives(year, now) {
			continue
		}
		if err := r.drop(ctx, visitorPrefix+text, 0, "the year has ended"); err != nil {
			return err
		}
	}
	return nil
}

func (r *Ring) now() time.Time { return r.cfg.Now().UTC() }

// succeed puts an epoch in force.
func (r *Ring) succeed(e *Epoch) {
	if before := r.epoch.Swap(e); before != nil {
		before.next.Store(e)
		r.ended = append(r.ended, before)
		r.ended = slices.DeleteFunc(r.ended, func(e *Epoch) bool { return e.users.Load() == 0 })
	}
}

// rebuild makes the present epoch anew after keys have changed, and returns when
// nobody computes under the one before.
func (r *Ring) rebuild(ctx context.Context) error {
	r.behind = true
	if err := r.publishKeys(); err != nil {
		return err
	}
	e, err := r.begin(ctx, r.now())
	if err != nil {
		return err
	}
	r.succeed(e)
	if err := r.drain(ctx); err != nil {
		return err
	}
	r.behind = false
	r.revision.Store(r.revisionOf())
	return nil
}

// catchUp ends what a rebuild that failed left undone: until then nothing may be
// carried over, since what computes does so under the keys before.
func (r *Ring) catchUp(ctx context.Context) error {
	if r.behind {
		return r.rebuild(ctx)
	}
	return r.drain(ctx)
}

// drain waits for all who still compute under an epoch that has ended.
func (r *Ring) drain(ctx context.Context) error {
	for len(r.ended) > 0 {
		if err := r.ended[0].idle(ctx); err != nil {
			return err
		}
		r.ended = r.ended[1:]
	}
	return nil
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
