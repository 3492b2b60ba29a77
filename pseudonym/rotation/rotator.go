package rotation

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/standstill"
)

// Keys that can be rotated by hand.
const (
	Slot      keyring.Key = "slot"
	Link      keyring.Key = "link"
	Gate      keyring.Key = "gate"
	Profiling keyring.Key = "purpose-profiling"
	Analytics keyring.Key = "purpose-analytics"
	KEK       keyring.Key = "kek"
)

// order is that in which what is under way goes on: what contacts are found by
// before what takes long.
var order = []keyring.Key{Link, Gate, Profiling, Slot}

// Errors of a rotation that is asked for.
var (
	ErrUnderWay   = errors.New("this key is being rotated")
	ErrNotRotated = errors.New("this key is not rotated")
	ErrNoCut      = errors.New("the pseudonyms of the running month cannot be carried over: rotate it with a cut, or let the month end")
	ErrNotOld     = errors.New("no old version of that number waits to be retired")
	ErrWouldLose  = errors.New("contacts would be lost by it")
	ErrNoKEK      = errors.New("the key-encryption key cannot be changed here")
	ErrNotLeading = errors.New("another keyholder rotates the keys: ask that one")
	ErrBadKEK     = errors.New("the new key-encryption key cannot be used")
	ErrNotOpen    = errors.New("no rotation of this key waits for that")
)

// Options say how to rotate.
type Options struct {
	To         string // of kek: the URI of the new one; empty: a new version of the present one
	Passphrase []byte // of kek, if the new one is a passphrase
	Cut        bool   // of a purpose: old pseudonyms are not carried over
	Retire     uint32 // of gate: end this old version
	Lose       uint64 // of gate: identifiers that may be lost by it
}

// Rotator rotates the keys of one keyholder. It is safe for concurrent use.
type Rotator struct {
	cfg   Config
	ring  *keyring.Ring
	store store
	deps  Deps

	working sync.Mutex           // one rotation moves at a time
	since   map[string]time.Time // of several keyholders: since when a version is seen as old; under working
	settles bool                 // something waits for the others
	woken   chan struct{}

	telling sync.Mutex
	told    map[keyring.Key]Progress
	changed chan struct{} // closed at each change of told

	revision uint64 // of the keys, when a lease was last asked for; under telling
	revised  time.Time

	board Board // of the gateways
}

// New makes a rotator. Nothing moves before Run.
func New(ring *keyring.Ring, vault store, cfg Config, deps Deps) (*Rotator, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	if deps.Board == nil {
		deps.Board = own{standstill.New(deps.Now)}
	}
	return &Rotator{
		cfg: cfg, ring: ring, store: vault, deps: deps,
		woken: make(chan struct{}, 1), told: make(map[keyring.Key]Progress), changed: make(chan struct{}),
		board: deps.Board,
	}, nil
}

// Run goes on with what is under way, and does what is due, until the context
// ends. A failure is logged, and tried again later.
func (r *Rotator) Run(ctx context.Context) error {
	for ctx.Err() == nil {
		wait := r.cfg.Look
		if err := r.Work(ctx); err != nil && ctx.Err() == nil {
			r.deps.Logger.Error("keys", "error", err)
			wait = r.cfg.Again
		}
		if r.Settling() {
			wait = min(wait, time.Second)
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-r.woken:
		case <-ctx.Done():
		}
		timer.Stop()
	}
	return nil
}

// Work does all that can be done now. Where one thing fails, the others are
// still tried.
func (r *Rotator) Work(ctx context.Context) error {
	r.working.Lock()
	defer r.working.Unlock()
	if leads, err := r.leads(ctx); err != nil || !leads {
		return err
	}
	r.settles = false
	var errs []error
	for _, key := range order {
		if err := r.advance(ctx, key); err != nil {
			errs = append(errs, fmt.Errorf("rotate %s: %w", key, err))
		}
	}
	errs = append(errs, r.endLives(ctx), r.nightly(ctx))
	return errors.Join(errs...)
}

// wake has Run look at once.
func (r *Rotator) wake() {
	select {
	case r.woken <- struct{}{}:
	default:
	}
}

// advance takes one key's rotation as far as it can go.
func (r *Rotator) advance(ctx context.Context, key keyring.Key) error {
	made, old, err := r.ring.Waiting(ctx, key)
	if err != nil {
		return err
	}
	if made != 0 {
		if !r.settled(key, made) {
			return nil
		}
		r.tell(Progress{Key: key, Step: "a new version comes into use"})
		if err := r.ring.Promote(ctx, key, made); err != nil {
			return err
		}
		if _, old, err = r.ring.Waiting(ctx, key); err != nil {
			return err
		}
	}
	if len(old) == 0 || !r.settled(key, old...) {
		return nil
	}
	switch key {
	case Slot:
		return r.advanceSlot(ctx, old)
	case Link:
		return r.advanceLink(ctx, old)
	case Gate:
		return r.advanceGate(ctx, old)
	default:
		return r.advanceProfiling(ctx, old)
	}
}

// leads says whether this keyholder is the one that rotates.
func (r *Rotator) leads(ctx context.Context) (bool, error) {
	if r.deps.Lead == nil {
		return true, nil
	}
	if r.lags() {
		return false, nil
	}
	leads, err := r.deps.Lead(ctx)
	if !leads {
		r.since = nil
	}
	return leads, err
}

// lags says whether this keyholder cannot open the keys, and so could change none.
func (r *Rotator) lags() bool { return r.ring.Lagging() != nil }

// settled says whether all other keyholders have surely seen a version: one that
// was made, before it comes into use, so that each opens what another seals under
// it; one that is old, before what it made is carried over. Each looks at the
// keys every second, does nothing when it could not for a while, and has ended by
// then what it had begun before. While a link of the chain waits, none derives:
// two that went by different chains could make two contacts of one.
func (r *Rotator) settled(key keyring.Key, versions ...uint32) bool {
	if r.deps.Lead == nil || key != Slot && key != Link {
		return true
	}
	name := fmt.Sprint(key, versions, r.ring.Carrying(key))
	if r.since == nil {
		r.since = make(map[string]time.Time)
	}
	if _, seen := r.since[name]; !seen {
		r.since[name] = r.deps.Now()
	}
	if r.deps.Now().Sub(r.since[name]) >= r.cfg.Settle {
		return true
	}
	r.settles = true
	r.tell(Progress{Key: key, Step: "other keyholders take the new version over"})
	return false
}

// Settling says whether a rotation waits for other keyholders.
func (r *Rotator) Settling() bool {
	r.working.Lock()
	defer r.working.Unlock()
	return r.settles
}

// advanceSlot seals every contact under the new slot key and destroys the old
// one: what was deleted before is then unreadable on every copy of the files.
func (r *Rotator) advanceSlot(ctx context.Context, old []uint32) error {
	_, contacts := r.store.Counts()
	p := Progress{Key: Slot, Step: "contacts are sealed again", Of: uint64(contacts)}
	from, done := int64(0), false
	for !done {
		next, all, err := r.store.Rewrap(ctx, contactID(from), r.cfg.Batch)
		if err != nil {
			return err
		}
		from, done = int64(next), all
		p.Done = min(p.Done+uint64(r.cfg.Batch), p.Of)
		r.tell(p)
	}
	for _, number := range old {
		left, _, _, err := r.store.Remaining(ctx, number, 0, 0)
		if err != nil {
			return err
		}
		if left > 0 {
			return fmt.Errorf("%d contacts are still sealed under slot key %d", left, number)
		}
		if err := r.ring.Destroy(ctx, Slot, number, "every contact is sealed under a later one"); err != nil {
			return err
		}
	}
	r.tell(Progress{Key: Slot, Step: "keysets are wrapped again", Done: p.Of, Of: p.Of})
	if err := r.ring.RenewWrapping(ctx, nil); err != nil {
		return err
	}
	if err := r.noteRewrapped(ctx); err != nil {
		return err
	}
	r.tell(Progress{Key: Slot, Step: "done", Done: p.Of, Of: p.Of, Ended: true})
	return nil
}

// advanceLink gives every identifier the index of the longer chain.
func (r *Rotator) advanceLink(ctx context.Context, old []uint32) error {
	epoch, err := r.ring.Epoch() //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return err
	}
	identifiers, _ := r.store.Counts()
	p := Progress{Key: Link, Step: "identifiers get their new index", Of: uint64(identifiers)}
	var after keyring.Index
	var links uint32
	for done := false; !done; {
		d := epoch.Deriver()
		links = d.Links()
		after, done, err = r.store.Reindex(ctx, links, after, r.cfg.Batch, d.Advance)
		d.Release()
		if err != nil {
			return err
		}
		p.Done = min(p.Done+uint64(r.cfg.Batch), p.Of)
		r.tell(p)
	}
	_, left, _, err := r.store.Remaining(ctx, 0, links-1, 0)
	if err != nil {
		return err
	}
	if left > 0 {
		return fmt.Errorf("%d identifiers still have the index of a shorter chain", left)
	}
	for _, number := range old {
		if err := r.ring.Keep(ctx, Link, number); err != nil {
			return err
		}
	}
	r.tell(Progress{Key: Link, Step: "done", Done: p.Of, Of: p.Of, Ended: true})
	return nil
}

// noteRewrapped keeps when the last re-wrap ended.
const rewrappedName = "rewrapped"

func (r *Rotator) noteRewrapped(ctx context.Context) error {
	return r.store.SetProgress(ctx, rewrappedName, strconv.AppendInt(nil, r.deps.Now().Unix(), 10))
}

// Rewrapped returns when the last re-wrap ended, or when this vault was first
// looked after, if there has been none.
func (r *Rotator) Rewrapped(ctx context.Context) (time.Time, error) {
	state, err := r.store.Progress(ctx, rewrappedName)
	if err != nil || state == nil {
		return time.Time{}, err
	}
	seconds, err := strconv.ParseInt(string(state), 10, 64)
	if err != nil {
		return time.Time{}, errors.New("the note of the last re-wrap is damaged")
	}
	return time.Unix(seconds, 0).UTC(), nil
}

// nightly re-wraps when the time for it has passed since the last one, also if
// the keyholder did not run then.
func (r *Rotator) nightly(ctx context.Context) error {
	last, err := r.Rewrapped(ctx)
	if err != nil {
		return err
	}
	if last.IsZero() {
		return r.noteRewrapped(ctx) // the first night is still to come
	}
	if !last.Before(r.due()) {
		return nil
	}
	made, old, err := r.ring.Waiting(ctx, Slot)
	if err != nil || made != 0 || len(old) > 0 {
		return err // under way
	}
	return r.rewrap(ctx)
}

// due is the last time at which a re-wrap had to begin.
func (r *Rotator) due() time.Time {
	now := r.deps.Now().UTC()
	at := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, time.UTC).Add(r.cfg.RewrapAt)
	if at.After(now) {
		at = at.AddDate(0, 0, -1)
	}
	return at
}

// NextRewrap returns when the first re-wrap after a time begins, or began.
func (r *Rotator) NextRewrap(after time.Time) time.Time {
	after = after.UTC()
	at := time.Date(after.Year(), after.Month(), after.Day(), 0, 0, 0, 0, time.UTC).Add(r.cfg.RewrapAt)
	if !at.After(after) {
		at = at.AddDate(0, 0, 1)
	}
	return at
}

func (r *Rotator) rewrap(ctx context.Context) error {
	if _, err := r.ring.Make(ctx, Slot); err != nil {
		return err
	}
	return r.advance(ctx, Slot)
}

// endLives ends keys whose time is over, and puts what ended beyond every copy.
func (r *Rotator) endLives(ctx context.Context) error {
	if _, err := r.ring.EndLives(ctx); err != nil {
		return fmt.Errorf("end keys: %w", err)
	}
	unfinished, err := r.ring.Unfinished(ctx)
	if err != nil || !unfinished {
		return err
	}
	return r.ring.RenewWrapping(ctx, nil)
}
