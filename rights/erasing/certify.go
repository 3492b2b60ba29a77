package erasing

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"zgoda/certificate"
	"zgoda/control"
	"zgoda/pseudonym"
)

// keysGone is how a task's note says when copies of the medium cannot be read any more.
const keysGone = "copies of the medium unreadable from "

func noteOf(at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return keysGone + at.UTC().Format(time.RFC3339)
}

// certify ends erasures of which everything is done, with a certificate.
func (e *Eraser) certify(ctx context.Context, list []control.Request) error {
	now := e.now()
	batches := map[[16]byte]control.EraseBatch{}
	nodes := map[[16]byte][]control.Ack{}
	var ended []control.Completion
	for i := range list {
		r := &list[i]
		tasks, err := e.deps.Store.Tasks(ctx, r.ID)
		if err != nil {
			return err
		}
		if keysWait(tasks) {
			if tasks, err = e.noteKeys(ctx, r); err != nil {
				return err
			}
		}
		if waits(tasks) {
			e.later(r.ID)
			continue
		}
		if _, there := batches[r.Batch]; !there {
			if batches[r.Batch], _, err = e.deps.Store.Batch(ctx, r.Batch); err != nil {
				return err
			}
			if nodes[r.Batch], err = e.deps.Store.Acks(ctx, r.Batch); err != nil {
				return err
			}
		}
		b := batches[r.Batch]
		body, err := e.body(ctx, r, &b, nodes[r.Batch], tasks, now)
		if err != nil {
			return err
		}
		signed, err := e.deps.Signer.Sign(body)
		if err != nil {
			return err
		}
		ended = append(ended, control.Completion{Request: r.ID, Certificate: signed, Horizon: body.Horizon.Until})
	}
	// None before all are signed: a part that fails is done again in halves.
	for part := range slices.Chunk(ended, addAtOnce/4) {
		if err := e.complete(ctx, part, now); err != nil {
			return err
		}
	}
	return nil
}

// keysWait says whether nobody noted that the keys are destroyed.
func keysWait(tasks []control.Task) bool {
	return slices.ContainsFunc(tasks, func(t control.Task) bool {
		return (t.Name == taskKeyholder || t.Name == taskControl) && t.State == control.TaskWaiting
	})
}

// noteKeys notes that the keys and what is on record are destroyed, when whoever
// destroyed them was killed before that, and the gate of the next start did the rest. The
// keyholder destroys nothing: it answers with the entry that it has.
func (e *Eraser) noteKeys(ctx context.Context, r *control.Request) ([]control.Task, error) {
	now := e.now()
	sealed, err := e.deps.Keys.Destroy(because(ctx), []pseudonym.Destroyed{{ID: r.ID, Cutoff: r.Cutoff, Until: e.deps.Horizons.Journal(now)}})
	if err != nil {
		return nil, err
	}
	if len(sealed) != 1 {
		return nil, errOthers
	}
	if err := e.deps.Store.PutTasks(ctx, keyTasks(r.ID, now, sealed[0].KeysGone)); err != nil {
		return nil, err
	}
	return e.deps.Store.Tasks(ctx, r.ID)
}

// waits says whether something is to be done by somebody else first.
func waits(tasks []control.Task) bool {
	for i := range tasks {
		if tasks[i].State != control.TaskDone && tasks[i].State != control.TaskSignedOff {
			return true
		}
	}
	return false
}

func (e *Eraser) complete(ctx context.Context, list []control.Completion, now time.Time) error {
	// The certificate says that the rows of the control store were overwritten.
	if err := e.deps.Store.Overwrite(ctx); err != nil {
		return err
	}
	e.step("overwritten")
	refused, err := e.deps.Store.CompleteMany(ctx, list, now)
	if err != nil {
		return err
	}
	e.step("certified")
	var ids []control.RequestID
	var cases [][16]byte
	for i := range list {
		switch err := refused[i]; {
		case err == nil:
			ids, cases = append(ids, list[i].Request), append(cases, list[i].Request)
		case errors.Is(err, control.ErrTasks), errors.Is(err, control.ErrRevision):
			e.later(list[i].Request)
		default:
			return err
		}
	}
	e.forget(ids)
	e.metrics.done.Add(float64(len(ids)))
	e.log.Info("erasures are complete", "erasures", len(ids))
	if err := e.deps.Keys.CloseCases(because(ctx), cases); err != nil {
		e.log.Info("cases of erasures stay until they are swept", "cases", len(cases), "error", err)
		return nil // whoever sweeps closes them
	}
	e.step("closed")
	return nil
}

// body says what was done.
func (e *Eraser) body(ctx context.Context, r *control.Request, b *control.EraseBatch, acks []control.Ack, tasks []control.Task, now time.Time) (certificate.Body, error) {
	body := certificate.Body{
		Request: r.ID.String(), Site: string(r.Site), Right: string(r.Right), Mode: string(r.Mode), Visitor: r.Visitor, Received: r.Received, Cutoff: r.Cutoff,
		Done: now, Nodes: len(acks), Tables: []certificate.Table{}, Recipients: []certificate.Recipient{}, Manual: []certificate.Manual{}, Notes: notesOf(r),
		Horizon: e.deps.Horizons.Of(now),
	}
	history, err := e.deps.Store.RequestHistory(ctx, r.ID)
	if err != nil {
		return body, err
	}
	body.Accepted = r.Received
	if len(history) > 0 {
		body.Accepted = history[0].At
	}
	for i := range acks {
		body.Waiting += acks[i].Rows
	}
	for i := range b.Tables {
		t := &b.Tables[i]
		table := certificate.Table{Name: t.Name, Kept: t.Kept, Mutations: t.Mutations, Replicas: max(1, len(t.Copies))}
		for _, c := range t.Copies {
			table.Copies = append(table.Copies, certificate.Copy{Server: c.Server, After: c.After, Verified: c.At})
		}
		body.Tables = append(body.Tables, table)
	}
	for i := range tasks {
		addTask(&body, &tasks[i])
	}
	body.Keys.DataKey, body.Keys.Salt = !r.Visitor, !r.Visitor
	body.Keys.Tombstone = now.Add(e.cfg.Tombstone)
	if r.Visitor {
		body.Keys.Tombstone = time.Time{}
	}
	return body, nil
}

// addTask takes over what a task says.
func addTask(body *certificate.Body, t *control.Task) {
	if name, is := strings.CutPrefix(t.Name, "recipient:"); is {
		state := t.Note
		if t.State == control.TaskSignedOff {
			state = "by_hand"
		}
		body.Recipients = append(body.Recipients, certificate.Recipient{Name: name, State: state, At: t.Verified})
		return
	}
	if name, is := strings.CutPrefix(t.Name, "manual:"); is {
		body.Manual = append(body.Manual, certificate.Manual{System: name, Actor: t.Actor, At: t.Verified})
		return
	}
	if t.Name == taskKeyholder {
		body.Pseudonyms = int(t.Before)
		if text, is := strings.CutPrefix(t.Note, keysGone); is {
			if at, err := time.Parse(time.RFC3339, text); err == nil {
				body.Keys.Unreadable = at
			}
		}
		return
	}
	for i := range body.Tables {
		if body.Tables[i].Name == t.Name {
			body.Tables[i].Before, body.Tables[i].After, body.Tables[i].Verified = t.Before, t.After, t.Verified
		}
	}
}

// notesOf say what a reader would ask.
func notesOf(r *control.Request) []string {
	notes := []string{
		"the rows are of this request; mutations, anonymised rows and waiting events are of all requests that went together with it",
		"rows that were stored without a pseudonym, or under one of a single day, name nobody and were not looked for",
		"checkpoints and exports of the ledger that left this machine hold commitments alone",
	}
	if r.Visitor {
		notes = append(notes, "a visitor has no salt and no data key: its pseudonyms follow from a cookie that was taken away")
	}
	return notes
}
