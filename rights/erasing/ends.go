package erasing

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"zgoda/control"
	"zgoda/pseudonym"
)

// The tasks of an erasure beside its tables, recipients and what is done by hand.
const (
	taskSpool     = "spool"
	taskKeyholder = "keyholder"
	taskControl   = "control"
)

// endAtOnce is how many erasures are looked at together after the proof.
const endAtOnce = 1024

// sweepEvery is how often is swept up after erasures.
const sweepEvery = time.Hour

// ends looks once at everything after the proof.
func (e *Eraser) ends(ctx context.Context) error {
	var errs []error
	for _, stage := range []struct {
		at control.EraseStep
		do func(context.Context, []control.Request) error
	}{{control.StepProven, e.tell}, {control.StepTold, e.destroy}, {control.StepDestroyed, e.certify}} {
		list, err := e.deps.Store.Erasures(ctx, stage.at, true, 16*endAtOnce)
		if err != nil {
			return err
		}
		list = slices.DeleteFunc(list, func(r control.Request) bool { return !e.ready(r.ID) || r.Next.After(e.now()) })
		for part := range slices.Chunk(list, e.atOnce) {
			goesOn, err := e.inHalves(ctx, stage.at, part, stage.do)
			if err != nil {
				errs = append(errs, fmt.Errorf("after %s: %w", stage.at, err))
			}
			if !goesOn {
				break
			}
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return errors.Join(append(errs, e.sweep(ctx))...)
}

// triesAtOnce is how often a part is tried in halves: enough to find a few of 1,024
// that cannot be done. Where nothing can be, it is not tried for each of them.
const triesAtOnce = 64

// inHalves does something with erasures, and when it fails with each half of them, so
// that one that cannot be done keeps no other one up. It returns the first failure, and
// whether others are worth a try: not where something is away or does not answer.
func (e *Eraser) inHalves(ctx context.Context, at control.EraseStep, part []control.Request, do func(context.Context, []control.Request) error) (goesOn bool, first error) {
	began := time.Now()
	left := [][]control.Request{part}
	for tries := 1; len(left) > 0; tries++ {
		some := left[0]
		left = left[1:]
		err := do(ctx, some)
		if err == nil {
			e.back(string(at))
			continue
		}
		if ctx.Err() != nil || errors.Is(err, control.ErrNotLeader) {
			return false, err
		}
		stops := isAway(err) || errors.Is(err, context.DeadlineExceeded)
		if half := len(some) / 2; half > 0 && tries < triesAtOnce && !stops {
			left = append(left, some[:half], some[half:])
			continue
		}
		if first == nil {
			first = err
		}
		e.metrics.failures.WithLabelValues(string(at)).Inc()
		if failed := e.failing(ctx, at, some, err); failed != nil || stops {
			return false, errors.Join(first, failed)
		}
	}
	e.metrics.took(after(at), began)
	return true, first
}

// failing shows at each erasure why it waits.
func (e *Eraser) failing(ctx context.Context, at control.EraseStep, list []control.Request, err error) error {
	note := func(id control.RequestID) error { return e.deps.Fail(ctx, id, classOf(err), true) }
	if isAway(err) {
		until := e.away(string(at))
		note = func(id control.RequestID) error { return e.deps.Waits(ctx, id, classOf(err), until) }
	}
	for i := range list {
		if failed := note(list[i].ID); failed != nil {
			return failed
		}
	}
	return nil
}

// tell has everybody told who was given the data, and waits until they were, or until
// it is somebody's task.
func (e *Eraser) tell(ctx context.Context, list []control.Request) error {
	var anew []control.Request
	ids := make([]control.RequestID, len(list))
	e.mu.Lock()
	for i := range list {
		if ids[i] = list[i].ID; !e.told[list[i].ID] {
			anew = append(anew, list[i])
		}
	}
	e.mu.Unlock()
	if len(anew) > 0 {
		if err := e.deps.Notices.Tell(ctx, anew); err != nil {
			return err
		}
		e.mu.Lock()
		for i := range anew {
			e.told[anew[i].ID] = true
		}
		e.mu.Unlock()
		e.step("notices")
	}
	tasks, err := e.deps.Notices.Told(ctx, ids)
	if err != nil {
		return err
	}
	var over []control.RequestID
	for _, id := range ids {
		// One that was given up is by hand now: it has what is to be told from
		// elsewhere, and nothing here waits for it.
		if slices.ContainsFunc(tasks[id], func(t control.Task) bool { return t.State == control.TaskWaiting }) {
			e.later(id)
			continue
		}
		over = append(over, id)
	}
	if len(over) == 0 {
		return nil
	}
	if err := e.deps.Store.StepRequests(ctx, over, control.StepProven, control.StepTold, time.Time{}, 0); err != nil {
		return err
	}
	e.step("told")
	e.hurry()
	return nil
}

// destroy is the one thing that is never taken back. The journal of it is in three
// places before the control store forgets.
func (e *Eraser) destroy(ctx context.Context, list []control.Request) error {
	gone, err := e.destroyed(ctx, list)
	if err != nil {
		return err
	}
	now := e.now()
	sealed, err := e.deps.Keys.Destroy(because(ctx), gone)
	if err != nil {
		return err
	}
	e.step("keys")
	if len(sealed) != len(list) {
		return errOthers
	}
	if err := e.deps.Journal.Append(sealed); err != nil {
		return err
	}
	e.step("journal")
	until := now.Add(e.cfg.Tombstone)
	var tasks []control.Task
	forget := make([]control.Forgotten, len(list))
	for i := range list {
		forget[i] = control.Forgotten{Request: list[i].ID, Until: until, Journal: sealed[i].Entry, Keep: sealed[i].Until}
		tasks = append(tasks, keyTasks(list[i].ID, now, sealed[i].KeysGone)...)
	}
	for part := range slices.Chunk(tasks, addAtOnce) {
		if err := e.deps.Store.PutTasks(ctx, part); err != nil {
			return err
		}
	}
	e.step("tasks")
	if err := e.deps.Store.ForgetSubjects(ctx, forget); err != nil {
		return err
	}
	e.step("destroyed")
	e.noted(idsOf(list)...)
	e.hurry()
	return nil
}

func idsOf(list []control.Request) []control.RequestID {
	ids := make([]control.RequestID, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	return ids
}

// errOthers says that the keyholder did not answer for whom it was asked.
var errOthers = errors.New("the keyholder answered for others")

// keyTasks say that keys, and what is on record, are destroyed.
func keyTasks(id control.RequestID, now, keysGone time.Time) []control.Task {
	return []control.Task{
		{Request: id, Name: taskKeyholder, State: control.TaskDone, After: 0, Attempts: 1, Verified: now, Note: noteOf(keysGone)},
		{Request: id, Name: taskControl, State: control.TaskDone, Before: -1, After: 0, Attempts: 1, Verified: now},
	}
}

// destroyed says what the keyholder is to destroy, and what its journal keeps so that
// a restore can do it again.
func (e *Eraser) destroyed(ctx context.Context, list []control.Request) ([]pseudonym.Destroyed, error) {
	pieces, err := e.pieces(ctx, list)
	if err != nil {
		return nil, err
	}
	out := make([]pseudonym.Destroyed, len(list))
	for i := range list {
		r := &list[i]
		d := pseudonym.Destroyed{ID: r.ID, Cutoff: r.Cutoff, Until: e.deps.Horizons.Journal(e.now())}
		if known := pieces[r.ID]; len(known) > 0 {
			w, err := e.whomOf(ctx, r, known)
			if err != nil {
				return nil, err
			}
			taken, err := e.deps.Store.HandlesOfRequest(ctx, r.ID)
			if err != nil {
				return nil, err
			}
			w.exclusively(taken)
			if _, d.Windows, d.Shared, err = e.windows(ctx, &w, r.Cutoff); err != nil {
				return nil, err
			}
		}
		out[i] = d
	}
	return out, nil
}

// sweep takes away what was kept for some time after erasures.
func (e *Eraser) sweep(ctx context.Context) error {
	e.mu.Lock()
	due := e.now().Sub(e.swept) >= sweepEvery
	e.mu.Unlock()
	if !due {
		return nil
	}
	if err := e.deps.Store.SweepErased(ctx, e.now()); err != nil {
		return err
	}
	e.mu.Lock()
	e.swept = e.now()
	e.mu.Unlock()
	return nil
}
