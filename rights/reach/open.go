package reach

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

const (
	// noteLasts is how long something that was noted waits for its entry.
	noteLasts = 10 * time.Minute
	noteAgain = 2 * time.Second
	caseAgain = 10 * time.Second
)

// open asks the keyholder to keep whom withdrawals are about.
func (r *Reach) open(ctx context.Context, state control.ReachState) error {
	list, err := r.deps.Store.Reaches(ctx, state, r.now())
	if err != nil {
		return err
	}
	var ask []pseudonym.CaseOf
	var asked, set []control.Reach
	var drop [][16]byte
	for _, to := range list {
		if state == control.ReachNoted {
			said, err := r.said(ctx, &to)
			switch {
			case err != nil:
				return err
			case !said && r.now().Sub(to.Made) > noteLasts:
				drop = append(drop, to.ID)
				continue
			case !said:
				to.Next = r.now().Add(noteAgain)
				set = append(set, to)
				continue
			}
		}
		who := pseudonym.Who{Handle: to.Handle}
		if len(to.Sealed) > 0 {
			who = pseudonym.Who{Sealed: to.Sealed}
		}
		ask, asked = append(ask, pseudonym.CaseOf{ID: to.ID, Site: to.Site, Who: who}), append(asked, to)
	}
	moved, unknown, err := r.ask(ctx, ask, asked)
	if err != nil {
		return err
	}
	return errors.Join(r.deps.Store.SetReaches(ctx, append(set, moved...)), r.deps.Store.DropReaches(ctx, append(drop, unknown...)))
}

// ask opens cases. Of whom nobody knows rows it returns the ids: a visitor cannot be
// found by its handle, and what it says itself is noted beside.
func (r *Reach) ask(ctx context.Context, ask []pseudonym.CaseOf, list []control.Reach) (moved []control.Reach, unknown [][16]byte, err error) {
	if len(ask) == 0 {
		return nil, nil, nil
	}
	opened, err := r.deps.Cases.OpenCases(because(ctx), ask)
	if err == nil && len(opened) != len(ask) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		return nil, nil, fmt.Errorf("open the cases of withdrawals: %w", err)
	}
	var hide []event.Handle
	for i := range opened {
		to := list[i]
		switch opened[i].State {
		case pseudonym.CaseOpen:
			to.State, to.Sealed, to.Next = control.ReachOpen, nil, time.Time{}
			if to.What == control.ReachProfilingOff {
				hide = append(hide, own(opened[i].Pseudonyms)...)
			}
		case pseudonym.CaseElsewhere:
			to.Attempts++
			to.Next = r.now().Add(caseAgain)
		default:
			r.metrics.unknown.Inc()
			unknown = append(unknown, to.ID)
			continue
		}
		moved = append(moved, to)
	}
	// What is derived from rows ends at once; the rows themselves go with a batch.
	return moved, unknown, r.deps.Hider.Hide(ctx, hide, erase.FromMarketing|erase.FromDecisions)
}

// own are the pseudonyms that a person's own rows have.
func own(list []pseudonym.CasePseudonym) (subjects []event.Handle) {
	for _, p := range list {
		if p.Visitor == 0 && p.Purpose != purposeConsent {
			subjects = append(subjects, p.Handle)
		}
	}
	return subjects
}

// purposeConsent is how the keyholder names the pseudonym of the ledger.
const purposeConsent = "consent"

// said says whether what was noted is on record now.
func (r *Reach) said(ctx context.Context, to *control.Reach) (bool, error) {
	record, err := r.deps.Records.Record(ctx, to.Site, to.Handle)
	if err != nil {
		return false, fmt.Errorf("read what is on record: %w", err)
	}
	return record.Purposes[to.Bit%event.MaxPurposes].Choice.Refuses(), nil
}

// because says to the keyholder who asks, and why.
func because(ctx context.Context) context.Context {
	return pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: "a withdrawal reaches what is stored"})
}
