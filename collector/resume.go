package collector

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/later"
	"zgoda/record"
	"zgoda/spool"
	"zgoda/subjects"
)

// Resume decides about an event that waited, about the people whom the keyholder now
// told of, and puts what is permitted into the spool. Every refusal up to now holds,
// as do the signals that the event came with; a grant holds that was on record when
// it came and still is. After an error nothing is in the spool: try again, but for
// later.ErrNever.
func (c *Collector) Resume(ctx context.Context, e *later.Event, ids []subjects.Identity) (later.Outcome, error) {
	site := c.deps.Sites.ByID(e.Raw.Site)
	if site == nil { // gone from the settings: nothing permits it any more
		return later.Outcome{Reason: event.ReasonConsent}, nil
	}
	if e.Visitors > len(ids) {
		return later.Outcome{}, fmt.Errorf("%w: it has fewer people than visitors", later.ErrNever)
	}
	now := time.Now().UTC()
	if now.Before(e.Raw.ReceivedAt) {
		now = e.Raw.ReceivedAt
	}
	var a Answer
	w := acquire(&c.works, &Request{ReceivedAt: now}, &a)
	defer w.release(&c.works)
	w.site, w.secret, w.noOrigin = site, e.Secret, e.NoOrigin
	w.ids = append(w.ids, ids...)
	w.signals = e.SignalsFor(site.Policy)
	w.grow(1)
	it := &w.items[0]
	it.raw, it.class, it.told, it.waited = e.Raw, e.Class, e.Told, e
	it.ev.MessageID, it.blob = []byte(e.Raw.MessageID), e.Said
	it.tells = len(e.Said) > 0 && len(ids) > e.Visitors && site.Keeping != KeepNone && c.deps.Said != nil
	it.cast = cast{contacts: e.Visitors, end: len(ids), link: e.Link, entitled: len(ids) > e.Visitors}
	if e.Link {
		if err := w.linkItem(ctx, &it.cast); err != nil {
			return later.Outcome{}, never(err)
		}
	}
	out, err := w.resume(ctx, it)
	return out, never(err)
}

// Settle waits until what Resume put into the spool is on disk.
func (c *Collector) Settle(ctx context.Context, o later.Outcome) error {
	if o.Reason != event.ReasonNone {
		return nil
	}
	if o.HasSaid {
		if err := c.deps.Said.Queue.Wait(ctx, o.Said); err != nil {
			return err
		}
	}
	return c.deps.Spool.Wait(ctx, o.Ticket)
}

// never marks the errors that no further try mends.
func never(err error) error {
	for _, is := range []error{
		record.ErrIncomplete, record.ErrOtherPeriod, record.ErrOtherSite, record.ErrNoPermit, subjects.ErrIdentity, spool.ErrTooLarge,
	} {
		if errors.Is(err, is) {
			return fmt.Errorf("%w: %w", later.ErrNever, err)
		}
	}
	return err
}

// resume decides and puts the event into the spool, again when a change overtook
// the decision.
func (w *work) resume(ctx context.Context, it *item) (later.Outcome, error) {
	loaded := make([]subjects.Entry, len(w.ids))
	for range w.c.cfg.Tries {
		if err := w.c.deps.Subjects.Load(ctx, w.site.ID, w.r.ReceivedAt, w.ids, loaded); err != nil {
			return later.Outcome{}, err
		}
		asOf := w.c.deps.Subjects.AsOf() // before Accept looks
		if err := w.narrow(ctx, it.waited, loaded); err != nil {
			return later.Outcome{}, err
		}
		permit, ok := w.decideFor(it, loaded)
		if !ok {
			reason := w.dropReason()
			w.tell()
			w.c.metrics.drop(&w.decision)
			w.countHeld(it, false)
			w.observe(it, reason, event.ScopeNone)
			return later.Outcome{Reason: reason}, nil
		}
		if err := w.encode(it, permit, asOf); err != nil {
			return later.Outcome{}, err
		}
		if err := w.say(it, &permit, asOf); err != nil {
			return later.Outcome{}, err
		}
		err := w.c.deps.Subjects.Accept(loaded, w.put)
		if err == nil {
			w.tell()
			w.countHeld(it, permit.Released())
			w.observe(it, event.ReasonNone, permit.Scope())
			return later.Outcome{Ticket: w.ticket, HasSaid: len(w.saying.record) > 0, Said: w.saying.ticket}, nil
		}
		if !errors.Is(err, subjects.ErrStale) {
			return later.Outcome{}, err
		}
	}
	return later.Outcome{}, subjects.ErrStale
}

// narrow fills in w.entries with what was loaded, without what became more permissive
// while the event waited. An analytics pseudonym of another month than the event's is
// left out: the event is nobody's then.
func (w *work) narrow(ctx context.Context, e *later.Event, loaded []subjects.Entry) error {
	w.entries = w.entries[:0]
	year, month, _ := e.Raw.ReceivedAt.UTC().Date()
	for i := range loaded {
		entry := &loaded[i]
		r, handles := *entry.Record(), entry.Handles
		if handles.Period != event.Period(year*100+int(month)) {
			handles.Analytics = event.Handle{}
		}
		if err := w.undo(ctx, &r, handles.Consent, true, e.AsOf, entry.Sequence()); err != nil {
			return err
		}
		for _, contact := range entry.Contacts() {
			if err := w.undo(ctx, &r, contact, false, e.AsOf, entry.Sequence()); err != nil {
				return err
			}
		}
		w.entries = append(w.entries, subjects.NewEntry(handles, r, entry.Contacts()...))
	}
	return nil
}

// mostChanges is how many changes about one person are looked at. Of more, not each
// could be undone: nothing is stored.
const mostChanges = 256

// undo takes from a record what somebody's changes after a point permit: of a purpose
// that was granted since, it is not known what was on record before, so it counts as
// refused, and so does everything else that was lifted. own: it is their record, not
// that of somebody linked to them. loaded: the place that the record was read at.
func (w *work) undo(ctx context.Context, r *consent.Record, of event.Handle, own bool, after, loaded event.Sequence) error {
	since, err := w.since(ctx, of, after, loaded)
	if err != nil {
		return err
	}
	if len(since) == mostChanges {
		r.State = max(r.State, consent.StateRestricted)
	}
	for i := range since {
		switch change := &since[i]; change.State {
		case ledger.StateGiven, ledger.StateRenewed:
			if at := w.site.Policy.Find(change.Purpose); at >= 0 && w.site.Policy.Purposes[at].Bit < event.MaxPurposes {
				r.Purposes[w.site.Policy.Purposes[at].Bit].Choice = consent.ChoiceRefused
			}
		case ledger.StateProfilingOn:
			r.ProfilingOff = true
		case ledger.StateOptedIn:
			r.OptOut = true
		case ledger.StateUnrestricted:
			r.State = max(r.State, consent.StateRestricted)
		case ledger.StateMinor: // they may have been younger before
			r.Minority = r.Minority.Younger(consent.Minority{Minor: ^consent.Day(0), Ward: ^consent.Day(0)})
		case ledger.StateLocated:
			r.Linked = r.Linked.With(consent.JurisdictionUnknown)
			if own {
				r.Place = consent.JurisdictionUnknown
			}
		default: // it refuses, and is in the record
		}
	}
	return nil
}

// properties returns those that may be stored in a scope.
func properties(e *later.Event, scope event.Scope) string {
	switch scope {
	case event.ScopePerson:
		return e.Person
	case event.ScopePeriod:
		return e.Period
	default:
		return ""
	}
}
