package rotation

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"zgoda/pseudonym/vault"
)

// reblindName is the note of how far contacts are re-blinded. It spares work and is
// what is counted by; a step that it does not know of is done again, which changes
// nothing.
const reblindName = "reblind"

// reblindShare of the contacts of a batch are looked at in one transaction: each
// takes several statements.
const reblindShare = 8

// reblinding is how far contacts are re-blinded.
type reblinding struct {
	Gate        uint32          `json:"gate"` // the version that they are blinded under
	Next        vault.ContactID `json:"next"`
	Looked      uint64          `json:"looked"`
	Identifiers uint64          `json:"identifiers"`
	Taken       uint64          `json:"taken,omitempty"`
	Unreadable  uint64          `json:"unreadable,omitempty"`
	Done        bool            `json:"done,omitempty"`
}

func (p *reblinding) add(step Reblinded) {
	p.Next = step.Next
	p.Looked += uint64(step.Looked)
	p.Identifiers += uint64(step.Identifiers)
	p.Taken += uint64(step.Taken)
	p.Unreadable += uint64(step.Unreadable)
}

// reblinding reads the note about the current version of K_gate.
func (r *Rotator) reblinding(ctx context.Context) (reblinding, error) {
	gate := r.ring.Gateway().Gate[0].Version
	state, err := r.store.Progress(ctx, reblindName)
	if err != nil || state == nil {
		return reblinding{Gate: gate}, err
	}
	var p reblinding
	if err := json.Unmarshal(state, &p); err != nil {
		return p, errors.New("the note of how far contacts are re-blinded is damaged")
	}
	if p.Gate != gate {
		return reblinding{Gate: gate}, nil
	}
	return p, nil
}

func (r *Rotator) noteReblinding(ctx context.Context, p reblinding) error {
	state, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("note how far contacts are re-blinded: %w", err)
	}
	return r.store.SetProgress(ctx, reblindName, state)
}

// Reblinded counts the identifiers that are kept of contacts and lead to them under
// the current version of K_gate.
func (r *Rotator) Reblinded(ctx context.Context) (uint64, error) {
	p, err := r.reblinding(ctx)
	return p.Identifiers, err
}

// reblind goes over all contacts and re-blinds those that it can, from where it was
// cut short; again: from the first, if it was not.
func (r *Rotator) reblind(ctx context.Context, again bool) error {
	if r.deps.Reblind == nil {
		return nil
	}
	p, err := r.reblinding(ctx)
	if err != nil {
		return err
	}
	if p.Done && again {
		p = reblinding{Gate: p.Gate}
	}
	limit := max(1, r.cfg.Batch/reblindShare)
	for !p.Done {
		if err := ctx.Err(); err != nil {
			return err
		}
		step, err := r.deps.Reblind.Reblind(ctx, p.Gate, p.Next, limit)
		if err != nil {
			return err
		}
		p.add(step)
		p.Done = step.Looked < limit
		_, contacts := r.store.Counts()
		r.tell(Progress{Key: Gate, Step: "contacts are re-blinded by what is kept of them", Done: min(p.Looked, uint64(contacts)), Of: uint64(contacts)})
		if step.Identifiers+step.Taken+step.Unreadable > 0 || p.Done {
			if err := r.noteReblinding(ctx, p); err != nil {
				return err
			}
		}
		if p.Done && p.Taken+p.Unreadable > 0 {
			r.deps.Logger.Warn("not all identifiers that are kept could be re-blinded", "lead to another contact", p.Taken, "cannot be read", p.Unreadable)
		}
	}
	return nil
}
