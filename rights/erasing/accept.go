package erasing

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// historyOf is how many entries of the ledger are looked through for a restriction.
const historyOf = 1000

// Accepted hides whom erasures are about. Those that are in progress are fenced at
// once; of those that may be taken back the person is restricted meanwhile. It may be
// called again.
func (e *Eraser) Accepted(ctx context.Context, list []control.Request, of []pseudonym.OpenedCase) error {
	if len(list) != len(of) {
		return errors.New("erasing: requests and cases do not go together")
	}
	var fences []fencing
	var restrict []fencing
	for i := range list {
		r := &list[i]
		if r.Step != control.StepAccepted || of[i].State != pseudonym.CaseOpen {
			continue
		}
		w, err := e.whomOf(ctx, r, of[i].Pseudonyms)
		if err != nil {
			return fmt.Errorf("accept the erasures: %w", err)
		}
		switch r.State {
		case control.RequestRunning:
			fences = append(fences, fencing{*r, w})
		case control.RequestApproved:
			restrict = append(restrict, fencing{*r, w})
		default: // it was taken back meanwhile
		}
	}
	e.note(slices.Concat(fences, restrict))
	if err := e.together(ctx, fences); err != nil {
		return fmt.Errorf("accept the erasures: %w", err)
	}
	var hide []event.Handle
	for _, f := range slices.Concat(fences, restrict) {
		hide = append(hide, f.who.rows()...)
	}
	// ClickHouse may be away: then nobody sees rows, and the list is filled anew.
	hidden := e.deps.Hider.Hide(ctx, hide, erase.FromAll)
	if hidden == nil {
		e.step("hidden")
	}
	err := e.restrict(ctx, restrict)
	if err == nil {
		err = e.fence(ctx, fences)
	}
	e.hurry()
	if err = errors.Join(hidden, err); err != nil {
		return fmt.Errorf("accept the erasures: %w", err)
	}
	return nil
}

// note writes down what is accepted, for an older control store that does not know it.
// Without it everything else is as good.
func (e *Eraser) note(list []fencing) {
	if e.deps.Accepted == nil || len(list) == 0 {
		return
	}
	requests := make([]control.Request, len(list))
	for i := range list {
		requests[i] = list[i].request
	}
	if err := e.deps.Accepted.Note(requests); err != nil {
		e.log.Warn("accepted erasures are not written down against a restore", "requests", len(list), "err", err)
	}
}

// noted takes out what is in the journal, or is not going to be done.
func (e *Eraser) noted(ids ...control.RequestID) {
	if e.deps.Accepted == nil {
		return
	}
	if err := e.deps.Accepted.Drop(ids); err != nil {
		e.log.Warn("erasures stay written down as accepted until the hourly look", "requests", len(ids), "err", err)
	}
}

// because of an erasure that may be taken back somebody is restricted.
func undoReason(id control.RequestID) string {
	return "the erasure " + id.String() + " may be taken back"
}

// restrict keeps events of people out whose erasures may still be taken back.
func (e *Eraser) restrict(ctx context.Context, list []fencing) error {
	for i := range list {
		r := &list[i].request
		for _, site := range list[i].who.sites {
			for _, h := range list[i].who.consent {
				record, err := e.deps.Subjects.Record(ctx, site, h)
				if err != nil {
					return err
				}
				if record.State != consent.StateActive {
					continue // somebody restricted them for another reason, or this was done
				}
				_, err = e.deps.Subjects.Write(ctx, e.entry(site, h, ledger.StateRestricted, "undo:"+r.ID.String()+":"+h.Text(event.KindUserID), undoReason(r.ID)))
				if err != nil {
					return err
				}
			}
		}
		e.step("restricted")
	}
	return nil
}

func (e *Eraser) entry(site event.SiteID, h event.Handle, state ledger.State, key, reason string) ledger.Entry {
	return ledger.Entry{
		Site: site, Subject: h, State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelOperator, Actor: self, Reason: reason, At: e.now(), Key: key,
	}
}

// TakenBack lifts what Accepted did, of an erasure that is not going to be done. Who is
// hidden for no other reason is seen again once the table of who is hidden is filled
// anew: what else hides somebody, or others, is not known here.
func (e *Eraser) TakenBack(ctx context.Context, r control.Request) error {
	if r.Step != control.StepAccepted {
		return errors.New("erasing: a fence is not lifted")
	}
	pieces, err := e.pieces(ctx, []control.Request{r})
	if err != nil {
		return fmt.Errorf("take the erasure back: %w", err)
	}
	w, err := e.whomOf(ctx, &r, pieces[r.ID])
	if err != nil {
		return fmt.Errorf("take the erasure back: %w", err)
	}
	for _, site := range w.sites {
		for _, h := range w.consent {
			ours, err := e.restrictedBy(ctx, site, h, undoReason(r.ID))
			if err != nil {
				return fmt.Errorf("take the erasure back: %w", err)
			}
			if !ours {
				continue
			}
			if _, err := e.deps.Subjects.Write(ctx, e.entry(site, h, ledger.StateUnrestricted, "back:"+r.ID.String()+":"+h.Text(event.KindUserID), undoReason(r.ID))); err != nil {
				return fmt.Errorf("take the erasure back: %w", err)
			}
		}
	}
	e.noted(r.ID)
	return nil
}

// restrictedBy says whether the last word about somebody's restriction is ours.
func (e *Eraser) restrictedBy(ctx context.Context, site event.SiteID, h event.Handle, reason string) (bool, error) {
	entries, err := e.deps.Store.History(ctx, site, h, historyOf)
	if err != nil {
		return false, err
	}
	for _, entry := range slices.Backward(entries) {
		if entry.State == ledger.StateRestricted || entry.State == ledger.StateUnrestricted {
			return entry.State == ledger.StateRestricted && entry.Reason == reason, nil
		}
	}
	return false, nil
}
