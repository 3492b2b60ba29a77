package restore

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Reopening opens erasures anew that were accepted, had not destroyed keys yet, and
// that an older control store does not know.
type Reopening struct {
	Notes *Accepted
	Cases interface {
		CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	}
	Store interface {
		Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
		AddRequests(ctx context.Context, list []control.Request) ([]error, error)
	}
}

// forgot stands in the request, and in the keyholder's log.
const forgot = "accepted before a restore that forgot it"

// reopen looks for erasures that were accepted and that the control store does not
// know. Those whose journal is written are the gate's own.
func (g *Gate) reopen(ctx context.Context) error {
	r := g.deps.Reopen
	if r == nil {
		return nil
	}
	for part := range slices.Chunk(r.Notes.requests(), control.MaxRequests) {
		if err := g.reopenSome(ctx, part); err != nil {
			return fmt.Errorf("open accepted erasures anew: %w", err)
		}
	}
	return nil
}

func (g *Gate) reopenSome(ctx context.Context, part []control.Request) error {
	ids := make([]control.RequestID, len(part))
	for i := range part {
		ids[i] = part[i].ID
	}
	known, err := g.deps.Reopen.Store.Requests(ctx, control.RequestQuery{IDs: ids, Limit: control.MaxRequests})
	if err != nil {
		return err
	}
	var over []control.RequestID
	for i := range known {
		if !known[i].State.Open() {
			over = append(over, known[i].ID)
		}
	}
	unknown := slices.DeleteFunc(part, func(r control.Request) bool {
		return slices.ContainsFunc(known, func(k control.Request) bool { return k.ID == r.ID })
	})
	if len(unknown) > 0 {
		lost, err := g.add(ctx, unknown)
		if err != nil {
			return err
		}
		over = append(over, lost...)
	}
	return g.deps.Reopen.Notes.Drop(over)
}

// add opens those anew of whom the keyholder still knows whom they are about, and
// returns the others: they are in the journal, or nobody knows them any more.
func (g *Gate) add(ctx context.Context, list []control.Request) (over []control.RequestID, err error) {
	ids := make([][16]byte, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	handles := map[[16]byte]event.Handle{}
	act := pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: forgot})
	err = g.deps.Reopen.Cases.CasePseudonyms(act, ids, func(c pseudonym.CasePiece) error {
		for _, p := range c.Pseudonyms {
			if _, there := handles[c.ID]; !there && p.Visitor == 0 && p.Purpose == "consent" {
				handles[c.ID] = p.Handle
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	s, err := g.sets(ctx)
	if err != nil {
		return nil, err
	}
	journal, now := s.union(), g.deps.Now().UTC()
	var again []control.Request
	for _, r := range list {
		handle, known := handles[r.ID]
		switch {
		case known && !journal[id(r.ID)]:
			r.Handle, r.State, r.Step, r.Revision = handle, control.RequestRunning, control.StepAccepted, 1
			if r.Undo.After(now) {
				r.State = control.RequestApproved
			}
			r.Origin, r.Proof, r.ProofBy, r.Proven, r.Actor, r.Reason = "restore", "operator", "zgoda", r.Received, "zgoda", forgot
			again = append(again, r)
		default:
			over = append(over, r.ID)
			if !journal[id(r.ID)] {
				g.log.Error("an erasure was accepted, and after a restore nobody knows whom it was about: open it again", "request", r.ID.String(), "site", string(r.Site))
			}
		}
	}
	if len(again) == 0 {
		return over, nil
	}
	refused, err := g.deps.Reopen.Store.AddRequests(ctx, again)
	if err != nil {
		return nil, err
	}
	for i, err := range refused {
		if errors.Is(err, control.ErrOpen) { // another one about the same person does it
			over = append(over, again[i].ID)
		}
	}
	g.log.Warn("erasures that a restore forgot were opened anew", "erasures", len(again))
	return over, nil
}
