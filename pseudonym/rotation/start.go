package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

func contactID(n int64) vault.ContactID { return vault.ContactID(n) }

// wish is what was asked for beyond a key's own state. It is durable before the
// first step.
type wish struct {
	Cut    bool   `json:"cut,omitempty"`
	Retire uint32 `json:"retire,omitempty"`
	// Rewritten are old versions of purpose-profiling that nothing is stored under any
	// more, told to a keyholder that does not rotate.
	Rewritten []uint32 `json:"rewritten,omitempty"`
}

func (w wish) isZero() bool { return !w.Cut && w.Retire == 0 && len(w.Rewritten) == 0 }

func wishName(key keyring.Key) string { return "rotate " + string(key) }

func (r *Rotator) wish(ctx context.Context, key keyring.Key) (w wish, err error) {
	state, err := r.store.Progress(ctx, wishName(key))
	if err != nil || state == nil {
		return wish{}, err
	}
	if err := json.Unmarshal(state, &w); err != nil {
		return wish{}, errors.New("the note of a rotation is damaged")
	}
	return w, nil
}

func (r *Rotator) setWish(ctx context.Context, key keyring.Key, w wish) error {
	if w.isZero() {
		return r.store.SetProgress(ctx, wishName(key), nil)
	}
	state, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("note a rotation: %w", err)
	}
	return r.store.SetProgress(ctx, wishName(key), state)
}

// Start begins a rotation. When it returns, the rotation will come to its end,
// whatever becomes of this process; Watch tells how far it is.
func (r *Rotator) Start(ctx context.Context, key keyring.Key, o Options) error {
	if err := r.mayStart(ctx); err != nil {
		return err
	}
	switch key {
	case KEK:
		return r.startKEK(ctx, o)
	case Analytics:
		return r.cutAnalytics(ctx, o)
	case Slot, Link, Gate, Profiling:
	default:
		return fmt.Errorf("%s: %w", key, ErrNotRotated)
	}
	r.working.Lock()
	defer r.working.Unlock()
	made, old, err := r.ring.Waiting(ctx, key)
	if err != nil {
		return err
	}
	if key == Gate && o.Retire != 0 {
		return r.startRetiring(ctx, old, o)
	}
	if key != Slot && (made != 0 || len(old) > 0) {
		if key == Profiling && o.Cut { // one that waits for its rewriting is cut short
			return r.begin(ctx, key, wish{Cut: true}, false)
		}
		return fmt.Errorf("%s: %w", key, ErrUnderWay)
	}
	return r.begin(ctx, key, wish{Cut: o.Cut && key == Profiling}, true)
}

// mayStart refuses what another of several keyholders has to do.
func (r *Rotator) mayStart(ctx context.Context) error {
	if r.deps.Lead == nil {
		return nil
	}
	r.working.Lock()
	defer r.working.Unlock()
	leads, err := r.leads(ctx)
	switch {
	case err != nil:
		return err
	case !leads:
		return ErrNotLeading
	}
	return nil
}

// begin makes the new version, which is what makes a rotation go on.
func (r *Rotator) begin(ctx context.Context, key keyring.Key, w wish, fresh bool) error {
	if err := r.setWish(ctx, key, w); err != nil {
		return err
	}
	if fresh {
		if _, err := r.ring.Make(ctx, key); err != nil {
			return err
		}
	}
	r.tell(Progress{Key: key, Step: "begun"})
	r.wake()
	return nil
}

// startRetiring ends an old version of K_gate, if that loses no more identifiers
// than may be lost: those that nobody has sent under a later version, and that are
// not kept. All contacts are gone over for it once more: a merge can have moved
// what is kept to one that was passed.
func (r *Rotator) startRetiring(ctx context.Context, old []uint32, o Options) error {
	if !slices.Contains(old, o.Retire) {
		return fmt.Errorf("gate %d: %w", o.Retire, ErrNotOld)
	}
	left, err := r.Alone(ctx, o.Retire)
	if err != nil {
		return err
	}
	if left > 0 {
		if err := r.reblind(ctx, true); err != nil {
			return err
		}
		if left, err = r.Alone(ctx, o.Retire); err != nil {
			return err
		}
	}
	if left > o.Lose {
		return fmt.Errorf("%d identifiers are known under gate %d alone: %w", left, o.Retire, ErrWouldLose)
	}
	return r.begin(ctx, Gate, wish{Retire: o.Retire}, false)
}

// gates returns what the vault calls a version of K_gate: identifiers from before
// it noted versions are under the first, which visitors stay under.
func (r *Rotator) gates(number uint32) []uint32 {
	if number == r.ring.Gateway().Visitor.Version {
		return []uint32{number, 0}
	}
	return []uint32{number}
}

// Alone counts the identifiers that are known under a version of K_gate and under
// no later one.
func (r *Rotator) Alone(ctx context.Context, number uint32) (sum uint64, err error) {
	for _, gate := range r.gates(number) {
		_, _, left, err := r.store.Remaining(ctx, 0, 0, gate)
		if err != nil {
			return 0, err
		}
		sum += left
	}
	return sum, nil
}

// advanceGate re-blinds contacts by what is kept of them, and ends the version that
// was asked to be retired. Without that, both stay in use.
func (r *Rotator) advanceGate(ctx context.Context, old []uint32) error {
	w, err := r.wish(ctx, Gate)
	if err != nil {
		return err
	}
	if w.Retire == 0 || !slices.Contains(old, w.Retire) {
		if err := r.reblind(ctx, false); err != nil {
			return err
		}
		p := Progress{Key: Gate, Step: "contacts are found by both versions, until the old one is retired", Waits: true}
		left, err := r.Alone(ctx, old[0])
		if err != nil {
			return err
		}
		identifiers, _ := r.store.Counts()
		p.Of = uint64(identifiers)
		p.Done = p.Of - min(left, p.Of)
		r.tell(p)
		return r.setWish(ctx, Gate, wish{})
	}
	for _, number := range r.gates(w.Retire) {
		var after keyring.Index
		for done := false; !done; {
			if after, done, err = r.store.Retire(ctx, number, after, r.cfg.Batch); err != nil {
				return err
			}
		}
	}
	if err := r.ring.Destroy(ctx, Gate, w.Retire, "retired"); err != nil {
		return err
	}
	if err := r.ring.RenewWrapping(ctx, nil); err != nil {
		return err
	}
	if err := r.setWish(ctx, Gate, wish{}); err != nil {
		return err
	}
	if err := r.store.SetProgress(ctx, reblindName, nil); err != nil {
		return err
	}
	r.tell(Progress{Key: Gate, Step: "done", Ended: true})
	return nil
}

// advanceProfiling cuts, if that was asked for. Else it waits: gateways rewrite
// what is stored, and Done says that they have.
func (r *Rotator) advanceProfiling(ctx context.Context, old []uint32) error {
	w, err := r.wish(ctx, Profiling)
	if err != nil {
		return err
	}
	switch {
	case len(w.Rewritten) > 0 && slices.Equal(w.Rewritten, old):
		return r.endProfiling(ctx, old, rewritten)
	case !w.Cut:
		_, contacts := r.store.Counts()
		r.tell(Progress{Key: Profiling, Step: stepRewrite, Of: uint64(contacts), Waits: true})
		r.settles = r.settles || r.deps.Lead != nil // another keyholder may be told that it is done
		return nil
	}
	if err := r.ring.MoveVisitors(ctx); err != nil {
		return err
	}
	return r.endProfiling(ctx, old, "cut")
}

// endProfiling ends old versions, but for those that this year's visitors are
// under: a visitor has no state that could be carried over.
func (r *Rotator) endProfiling(ctx context.Context, old []uint32, why string) error {
	for _, number := range old {
		needed, err := r.ring.NeededByVisitors(ctx, number)
		if err != nil {
			return err
		}
		if needed {
			err = r.ring.Keep(ctx, Profiling, number)
		} else {
			err = r.ring.Destroy(ctx, Profiling, number, why)
		}
		if err != nil {
			return err
		}
	}
	if err := r.endLives(ctx); err != nil {
		return err
	}
	if err := r.setWish(ctx, Profiling, wish{}); err != nil {
		return err
	}
	r.tell(Progress{Key: Profiling, Step: "done", Ended: true})
	return nil
}

// PurposeMap hands out every contact's pseudonym under the old and the current
// version of purpose-profiling, in parts of up to 4,096, and the two versions.
func (r *Rotator) PurposeMap(ctx context.Context, yield func(from, to uint32, old, current []event.Handle) bool) error {
	_, olds, err := r.ring.Waiting(ctx, Profiling)
	if err != nil {
		return err
	}
	if len(olds) != 1 {
		return fmt.Errorf("%s: %w", Profiling, ErrNotOpen)
	}
	// Whom another keyholder has made under the old version is in the map.
	if err := r.store.Follow(ctx); err != nil {
		return err
	}
	epoch, err := r.ring.Epoch() //nolint:contextcheck // what it may write is worth finishing
	if err != nil {
		return err
	}
	part, going := make([]keyring.Salt, 0, MapPart), true
	flush := func() bool {
		from, to, old, current := mapPart(epoch, olds[0], part)
		clear(part)
		part = part[:0]
		going = len(old) == 0 || yield(from, to, old, current)
		return going && ctx.Err() == nil
	}
	r.store.Each(func(_ vault.ContactID, salt keyring.Salt) bool {
		part = append(part, salt)
		return len(part) < MapPart || flush()
	})
	if going {
		flush()
	}
	return ctx.Err()
}

// mapPart holds its deriver no longer than it computes: other rotations wait for
// those.
func mapPart(epoch *keyring.Epoch, from uint32, salts []keyring.Salt) (_, to uint32, old, current []event.Handle) {
	d := epoch.Deriver()
	defer d.Release()
	to = d.Purpose()
	old, current = make([]event.Handle, len(salts)), make([]event.Handle, len(salts))
	for i, salt := range salts {
		old[i], current[i] = d.Map(salt, from, to)
	}
	return from, to, old, current
}

// MapPart is how many pairs PurposeMap hands out at a time.
const MapPart = 4096

// cutAnalytics puts a new key in the place of the running month's. What is
// stored of the month before now and after now cannot be joined.
func (r *Rotator) cutAnalytics(ctx context.Context, o Options) error {
	if !o.Cut {
		return ErrNoCut
	}
	r.working.Lock()
	defer r.working.Unlock()
	if err := r.ring.CutMonth(ctx); err != nil {
		return err
	}
	r.tell(Progress{Key: Analytics, Step: "done", Ended: true})
	r.wake()
	return nil
}

// startKEK wraps all keysets anew, under a new provider if one is named. It is
// done when it returns.
func (r *Rotator) startKEK(ctx context.Context, o Options) error {
	var to kek.Provider
	if o.To != "" {
		if r.deps.OpenKEK == nil {
			return ErrNoKEK
		}
		var err error
		if to, err = r.deps.OpenKEK(ctx, o.To, o.Passphrase); err != nil {
			return fmt.Errorf("%w: %w", ErrBadKEK, err)
		}
	}
	r.working.Lock()
	defer r.working.Unlock()
	r.tell(Progress{Key: KEK, Step: "keysets are wrapped again"})
	if err := r.ring.RenewWrapping(context.WithoutCancel(ctx), to); err != nil {
		r.tell(Progress{Key: KEK, Step: "failed", Ended: true})
		return err
	}
	r.tell(Progress{Key: KEK, Step: "done", Ended: true})
	return nil
}
