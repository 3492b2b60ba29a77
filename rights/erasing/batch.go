package erasing

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// fenceAtOnce is how many erasures are fenced before others are looked at.
const fenceAtOnce = 1024

// batches looks once at everything up to the proof that rows are gone.
func (e *Eraser) batches(ctx context.Context) error {
	if err := e.fenceDue(ctx); err != nil {
		return fmt.Errorf("fence: %w", err)
	}
	if err := e.deps.Store.FreeErasures(ctx); err != nil {
		return err
	}
	open, err := e.deps.Store.Batches(ctx)
	if err == nil && len(open) == 0 && !e.cleared {
		err = e.deps.Table.CallOff(ctx) // of a batch that had ended but for that
		if err != nil && isAway(err) {
			err = nil // the batch that is made now begins with it, and shows what it waits for
		}
	}
	if err != nil {
		return err
	}
	e.cleared = true
	busy := false
	var failed []error
	for i := range open {
		works, err := e.advance(ctx, &open[i])
		busy = busy || works
		failed = append(failed, err)
	}
	if busy {
		return errors.Join(failed...)
	}
	return errors.Join(append(failed, e.makeBatch(ctx))...)
}

// fenceDue fences what was accepted and could not be fenced at once, or might be taken
// back until now.
func (e *Eraser) fenceDue(ctx context.Context) error {
	due, err := e.deps.Store.Erasures(ctx, control.StepAccepted, false, fenceAtOnce)
	if err != nil {
		return err
	}
	now := e.now()
	due = slices.DeleteFunc(due, func(r control.Request) bool { return r.Undo.After(now) || r.Next.After(now) })
	if len(due) == 0 {
		return nil
	}
	pieces, err := e.pieces(ctx, due)
	if err != nil {
		return err
	}
	of := make([]pseudonym.OpenedCase, len(due))
	sites := e.deps.Sites()
	for i := range due {
		if due[i].Site != "" && !slices.Contains(sites, due[i].Site) {
			if err := e.deps.Fail(ctx, due[i].ID, "the site is not in the settings", false); err != nil {
				return err
			}
			continue
		}
		list, known := pieces[due[i].ID]
		if !known {
			if err := e.lost(ctx, due[i].ID); err != nil {
				return err
			}
			continue
		}
		of[i] = pseudonym.OpenedCase{ID: due[i].ID, State: pseudonym.CaseOpen, Pseudonyms: list}
	}
	return e.Accepted(ctx, due, of)
}

// lost fails an erasure of which the keyholder does not know any more whom it is
// about: nothing could be looked for, and that is not the same as nothing being there.
func (e *Eraser) lost(ctx context.Context, id control.RequestID) error {
	e.metrics.failures.WithLabelValues(failedCase).Inc()
	return e.deps.Fail(ctx, id, "the keyholder does not know whom it is about", false)
}

// makeBatch begins a batch when something waits for one and the last began long
// enough ago.
func (e *Eraser) makeBatch(ctx context.Context) error {
	more := false
	waiting, err := e.deps.Store.Erasures(ctx, control.StepFenced, false, e.cfg.Batch)
	if err == nil && e.deps.More != nil {
		more, err = e.deps.More.Waiting(ctx)
	}
	if err != nil || len(waiting) == 0 && !more {
		return err
	}
	last, err := e.deps.Store.LastBatch(ctx)
	if err != nil || e.now().Sub(last) < e.cfg.Gather || e.gathering(waiting) {
		return err
	}
	b := control.EraseBatch{Node: e.deps.Node, Step: control.StepAccepted, Made: e.now(), Requests: len(waiting)}
	_, _ = rand.Read(b.ID[:]) // never fails
	ids := make([]control.RequestID, len(waiting))
	for i := range waiting {
		ids[i] = waiting[i].ID
	}
	if err := e.deps.Store.MakeBatch(ctx, b, ids); err != nil {
		return err
	}
	e.metrics.batches.Inc()
	e.step("gathered")
	_, err = e.advance(ctx, &b)
	return err
}

// gathering says whether more may be coming, of a file for example: a mutation costs the
// same for one as for thousands.
func (e *Eraser) gathering(waiting []control.Request) bool {
	if len(waiting) == 0 || len(waiting) >= e.cfg.Batch {
		return false
	}
	oldest, newest := waiting[0].Cutoff, waiting[0].Cutoff
	for i := range waiting {
		if at := waiting[i].Cutoff; at.Before(oldest) {
			oldest = at
		} else if at.After(newest) {
			newest = at
		}
	}
	return e.now().Sub(newest) < e.cfg.Quiet && e.now().Sub(oldest) < e.cfg.Longest
}

// advance takes a batch as far as it goes now. It works while there is somebody in it,
// or something of a withdrawal: no other one is begun then.
func (e *Eraser) advance(ctx context.Context, b *control.EraseBatch) (works bool, err error) {
	list, err := e.deps.Store.ErasuresOf(ctx, b.ID)
	if err != nil {
		return true, err
	}
	if b.Step == control.StepAccepted { // whoever gathered it was cut off
		b.Requests, b.Step = len(list), control.StepFenced
		if err := e.move(ctx, b); err != nil {
			return true, err
		}
		e.step("batch")
	}
	if len(list) == 0 && b.Requests > 0 {
		return false, e.without(ctx, b) // all of them have failed, or are paused: they come back, or go with another
	}
	if b.Next.After(e.now()) {
		return true, nil
	}
	if b.Step == control.StepFenced {
		drained, err := e.drained(ctx, b)
		if err != nil || !drained {
			return true, err
		}
	}
	if err := e.rows(ctx, b, list); err != nil {
		return true, e.again(ctx, b, list, err)
	}
	e.back(partRows)
	return true, nil
}

// without gives withdrawals back that a batch took of which nobody is left: they are
// nobody's of those that failed, and go with another. What was kept of rows is kept
// anew if none of them can be gone.
func (e *Eraser) without(ctx context.Context, b *control.EraseBatch) error {
	issued := false
	for i := range b.Tables {
		issued = issued || len(b.Tables[i].Mutations) > 0
	}
	for i := range b.Tables {
		if b.Tables[i].Copy == "" || issued {
			continue
		}
		b.Tables[i].Copy, b.Tables[i].Kept = "", 0
		if err := e.move(ctx, b); err != nil {
			return err
		}
	}
	if e.deps.More == nil {
		return nil
	}
	return e.deps.More.Back(ctx, b.ID)
}

// drained says whether every node has acknowledged the batch, and moves it on.
func (e *Eraser) drained(ctx context.Context, b *control.EraseBatch) (bool, error) {
	acks, err := e.deps.Store.Acks(ctx, b.ID)
	if err != nil {
		return false, err
	}
	nodes, err := e.deps.Store.Nodes(ctx)
	if err != nil {
		return false, err
	}
	missing := ""
	for i := range nodes {
		n := &nodes[i]
		if n.Gone || e.deps.Alone && n.Name != e.deps.Node || slices.ContainsFunc(acks, func(a control.Ack) bool { return a.Node == n.Name }) {
			continue
		}
		missing = "the node " + string(n.Name) + " has not said that nothing waits there"
	}
	if len(acks) == 0 && missing == "" {
		missing = "no node has said that nothing waits there"
	}
	if missing == "" {
		b.Step, b.Error = control.StepDrained, ""
		if err := e.move(ctx, b); err != nil {
			return false, err
		}
		e.step("drained")
		return true, nil
	}
	if b.Error != missing && e.now().Sub(b.Made) > e.cfg.Silence {
		b.Error = missing
		return false, e.move(ctx, b)
	}
	return false, nil
}

func (e *Eraser) move(ctx context.Context, b *control.EraseBatch) error {
	return e.deps.Store.MoveBatch(ctx, *b, e.now())
}

// partRows is the part that takes rows away.
const partRows = "rows"

// again notes a failure, to try again later each time, or not at all before somebody
// says so. What is only away is tried again for as long as it is.
func (e *Eraser) again(ctx context.Context, b *control.EraseBatch, list []control.Request, err error) error {
	if ctx.Err() != nil || errors.Is(err, control.ErrNotLeader) {
		return err
	}
	class := classOf(err)
	e.metrics.failures.WithLabelValues(string(b.Step)).Inc()
	b.Error = class
	if isAway(err) {
		b.Next = e.away(partRows)
		return errors.Join(err, e.move(ctx, b))
	}
	b.Attempts++
	b.Next = e.now().Add(e.backoff(b.Attempts))
	if b.Attempts >= e.cfg.Attempts && len(list) > 0 {
		for i := range list {
			if failed := e.deps.Fail(ctx, list[i].ID, class, false); failed != nil {
				return errors.Join(err, failed)
			}
		}
		b.Attempts = 0
	}
	return errors.Join(err, e.move(ctx, b))
}

// handlesOf returns the handles in the ledger that each erasure of a batch takes along.
func (e *Eraser) handlesOf(ctx context.Context, b *control.EraseBatch) (map[control.RequestID][]event.Handle, error) {
	return e.deps.Store.HandlesOf(ctx, b.ID)
}
