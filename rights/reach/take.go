package reach

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// Waiting says whether a batch would have something to take.
func (r *Reach) Waiting(ctx context.Context) (bool, error) {
	list, err := r.deps.Store.Reaches(ctx, control.ReachOpen, r.now())
	return len(list) > 0, err
}

// Take returns whose rows go with a batch: the same withdrawals each time. What is in
// force by then counts: of a purpose that was agreed to again only what was
// received before goes.
func (r *Reach) Take(ctx context.Context, batch [16]byte, limit int) ([]erase.Person, error) {
	list, err := r.deps.Store.TakeReaches(ctx, batch, limit)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	ids := make([][16]byte, len(list))
	for i := range list {
		ids[i] = list[i].ID
	}
	of := make(map[[16]byte][]pseudonym.CasePseudonym, len(ids))
	if err := r.deps.Cases.CasePseudonyms(because(ctx), ids, func(p pseudonym.CasePiece) error {
		of[p.ID] = append(of[p.ID], p.Pseudonyms...)
		return nil
	}); err != nil {
		return nil, fmt.Errorf("ask whom withdrawals are about: %w", err)
	}
	people := make([]erase.Person, 0, len(list))
	for i := range list {
		pseudonyms, known := of[list[i].ID]
		if !known {
			continue // they are erased meanwhile
		}
		p, err := r.person(ctx, &list[i], pseudonyms)
		if err != nil {
			return nil, err
		}
		people = append(people, p)
	}
	return people, nil
}

// Back takes from a batch what it took, so that another may.
func (r *Reach) Back(ctx context.Context, batch [16]byte) error {
	return r.deps.Store.FreeReaches(ctx, batch)
}

// Gone forgets what a batch has reached.
func (r *Reach) Gone(ctx context.Context, batch [16]byte) error {
	ids, err := r.deps.Store.ReachedBy(ctx, batch)
	if err != nil || len(ids) == 0 {
		return err
	}
	r.metrics.reached.Add(float64(len(ids)))
	if err := r.deps.Cases.CloseCases(because(ctx), ids); err != nil {
		r.log.Warn("cases of withdrawals stay open until they are swept", "cases", len(ids), "error", err)
	}
	return nil
}

// person says which rows one withdrawal reaches.
func (r *Reach) person(ctx context.Context, to *control.Reach, list []pseudonym.CasePseudonym) (p erase.Person, err error) {
	p = erase.Person{Site: to.Site, Mode: erase.ModeWithdraw, Bit: to.Bit, Rests: Rests(r.deps.Policies(to.Site))}
	if to.Policy == policyAnonymise {
		p.Mode = erase.ModeWithdrawAnonymise
	}
	until, err := r.until(ctx, to)
	if err != nil {
		return p, err
	}
	for _, h := range own(list) {
		if until.IsZero() {
			p.Whole = append(p.Whole, h)
		} else {
			p.Windows = append(p.Windows, erase.Window{Subject: h, To: until, Received: true})
		}
	}
	p.Windows, err = r.ofVisitors(ctx, to, list, until, p.Windows)
	return p, err
}

// until is when the withdrawal ended what is in force again since; zero: nothing is.
func (r *Reach) until(ctx context.Context, to *control.Reach) (time.Time, error) {
	policy := r.deps.Policies(to.Site)
	if policy == nil {
		return time.Time{}, nil
	}
	record, err := r.deps.Records.Record(ctx, to.Site, to.Handle)
	if err != nil {
		return time.Time{}, fmt.Errorf("read what is in force: %w", err)
	}
	again := !record.Purposes[to.Bit%event.MaxPurposes].Choice.Refuses()
	if to.What == control.ReachProfilingOff {
		again = !record.ProfilingOff
	}
	if !again {
		return time.Time{}, nil
	}
	return to.Made, nil
}

// ofVisitors adds what a contact's visitors did while they were its.
func (r *Reach) ofVisitors(ctx context.Context, to *control.Reach, list []pseudonym.CasePseudonym, until time.Time, windows []erase.Window) ([]erase.Window, error) {
	var contact []event.Handle
	consents, subjects := map[event.Handle]uint32{}, map[uint32][]event.Handle{}
	for _, p := range list {
		switch {
		case p.Visitor == 0 && p.Purpose == purposeConsent:
			contact = append(contact, p.Handle)
		case p.Visitor != 0 && p.Purpose == purposeConsent:
			consents[p.Handle] = p.Visitor
		case p.Visitor != 0:
			subjects[p.Visitor] = append(subjects[p.Visitor], p.Handle)
		}
	}
	if len(consents) == 0 {
		return windows, nil
	}
	linked, err := r.deps.Store.Windows(ctx, to.Site, contact)
	if err != nil {
		return nil, err
	}
	for _, w := range linked {
		end := w.To
		if !until.IsZero() && (end.IsZero() || until.Before(end)) {
			end = until
		}
		if !end.IsZero() && !end.After(w.From) {
			continue
		}
		for _, h := range subjects[consents[w.Visitor]] {
			windows = append(windows, erase.Window{Subject: h, From: w.From, To: end, Received: true})
		}
	}
	return windows, nil
}

// Rests returns the purposes that a row rests on by its scope: while none of them is
// left on it, it is not kept.
func Rests(policy *consent.Policy) (rests [event.ScopePerson + 1]event.PurposeSet) {
	if policy == nil {
		return rests
	}
	for _, p := range policy.Purposes {
		if p.Bit >= event.MaxPurposes || !slices.Contains([]consent.Kind{consent.KindMeasurement, consent.KindAnalytics, consent.KindProfiling}, p.Kind) {
			continue
		}
		rests[p.Kind.Scope()] = rests[p.Kind.Scope()].With(p.Bit)
	}
	return rests
}
