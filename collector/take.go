package collector

import (
	"context"
	"errors"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/consent/signal"
	"zgoda/event"
	"zgoda/killpoint"
	"zgoda/record"
	"zgoda/subjects"
)

// link makes the identifiers of items that say so lead to one contact, in the
// order of the items, before anything is loaded.
func (w *work) link(ctx context.Context) {
	for i := range w.items {
		it := &w.items[i]
		if it.fate.met || !it.cast.link {
			continue
		}
		var err error
		if it.waits, err = w.linkOrWait(ctx, &it.cast); err != nil {
			w.refuseCounted(it, reasonFor(err))
		}
	}
}

// linkItem links the contacts of a cast, and its visitors: all of them for a
// secret key, the one it is stored under for a proof.
func (w *work) linkItem(ctx context.Context, c *cast) error {
	contacts := w.ids[c.contacts:c.end]
	visitors := w.linkedVisitors(c)
	if len(visitors) == 0 {
		return w.linkOne(ctx, contacts, nil)
	}
	for i := range visitors {
		if err := w.linkOne(ctx, contacts, &visitors[i]); err != nil {
			return err
		}
	}
	return nil
}

// linkedVisitors returns the visitors of a cast that are linked.
func (w *work) linkedVisitors(c *cast) []subjects.Identity {
	visitors := w.ids[c.visitors:c.contacts]
	if !w.secret && len(visitors) > 1 {
		visitors = visitors[:1]
	}
	return visitors
}

func (w *work) linkOne(ctx context.Context, contacts []subjects.Identity, visitor *subjects.Identity) (err error) {
	for range w.c.cfg.Tries {
		_, err = w.c.deps.Subjects.Link(ctx, w.site.ID, w.r.ReceivedAt, contacts, visitor)
		if !errors.Is(err, subjects.ErrStale) {
			return err
		}
	}
	return err
}

// load loads everyone of all items at once. When it fails, no item is stored, but
// what the keyholder's absence does not touch.
func (w *work) load(ctx context.Context) {
	if cap(w.entries) < len(w.ids) {
		w.entries = make([]subjects.Entry, len(w.ids))
	}
	w.entries = w.entries[:len(w.ids)]
	if len(w.ids) == 0 {
		return
	}
	err := w.ask(ctx)
	switch {
	case err == nil:
	case w.mayWait(err):
		w.part()
	default:
		for i := range w.items {
			if it := &w.items[i]; !it.fate.met {
				w.refuseCounted(it, reasonFor(err))
			}
		}
	}
}

// take decides about each item and puts what is permitted into the spool.
func (w *work) take(ctx context.Context) {
	w.reduce()
	for i := range w.items {
		it := &w.items[i]
		if it.fate.met {
			continue
		}
		w.read(it)
		killpoint.At("collector take")
		if killpoint.Skips("collector put") {
			continue // a fault that loses an event, and says nothing
		}
		if it.waits {
			w.putBy(it)
			continue
		}
		w.track(it)
		switch err := w.accept(ctx, it); {
		case err == nil:
		case w.mayWait(err):
			w.putBy(it)
		default:
			w.refuseCounted(it, reasonFor(err))
		}
	}
	w.a.Tk = w.asked && !w.tracked
	if w.forgotten {
		w.a.Forget = true
		w.a.Visitor = w.c.deps.Jar.WithoutVisitor(w.site.ID, w.r.Cookie(cookie.Visitor), w.r.ReceivedAt)
	}
}

// track notes, of an item that comes with Do Not Track, whether it may be stored
// as somebody's. The answer to a public key says "not tracking" only where that
// holds whatever is on record, or it would tell what is.
func (w *work) track(it *item) {
	if w.signals.DNT == consent.Absent {
		return
	}
	w.asked = true
	if !w.secret && !w.tracked {
		permit, ok := w.best(it)
		w.tracked = ok && permit.Scope() != event.ScopeNone
	}
}

// reduce minimises the items, in a loop of its own as checkItems has one.
func (w *work) reduce() {
	for i := range w.items {
		if it := &w.items[i]; !it.fate.met {
			w.minimise(it)
		}
	}
}

// read reads the signals of an item. Where both the item and its batch carry
// consents of a tool, both are read: a refusal in either holds.
func (w *work) read(it *item) {
	w.input = signal.Input{Context: it.ev.Context, Consent: it.ev.Consent, GPC: it.ev.GPC, Now: w.r.ReceivedAt}
	if !w.many {
		w.carry(&w.input)
	}
	signal.ReadAll(w.c.parsers, &w.input, w.site.Policy, &w.signals)
	w.addBeside()
}

// accept decides, makes the record and puts it into the spool, again when a
// change overtook the decision.
func (w *work) accept(ctx context.Context, it *item) error {
	entries := w.entries[it.cast.visitors:it.cast.end]
	for try := range w.c.cfg.Tries {
		if try > 0 {
			w.c.metrics.stale.Inc()
			ids := w.ids[it.cast.visitors:it.cast.end]
			if err := w.c.deps.Subjects.Load(ctx, w.site.ID, w.r.ReceivedAt, ids, entries); err != nil {
				return err
			}
		}
		asOf := w.c.deps.Subjects.AsOf() // before Accept looks
		permit, ok := w.decideFor(it, entries)
		if !ok {
			w.drop(it)
			return nil
		}
		if err := w.encode(it, permit, asOf); err != nil {
			return err
		}
		if err := w.say(it, &permit, asOf); err != nil {
			return err
		}
		err := w.c.deps.Subjects.Accept(entries, w.put)
		if err == nil {
			it.ticket, it.fate.put = w.ticket, true
			it.said, it.saidTicket = len(w.saying.record) > 0, w.saying.ticket
			w.tracked = w.tracked || permit.Scope() != event.ScopeNone
			w.tell()
			w.countHeld(it, permit.Released())
			w.observe(it, event.ReasonNone, permit.Scope())
			return nil
		}
		if !errors.Is(err, subjects.ErrStale) {
			return err
		}
	}
	return subjects.ErrStale
}

// decideFor decides about an item, and denies one that would be stored but is of
// before an erasure. To a server the answer's header says so, since it names whom the
// event is about; to a public key it is what the request itself says, as ever.
func (w *work) decideFor(it *item, entries []subjects.Entry) (consent.Permit, bool) {
	permit, ok := w.decide(it)
	if ok && w.late(it, entries) {
		w.decision.Erase()
		return consent.Permit{}, false
	}
	return permit, ok
}

// decide decides about an item by what is loaded.
func (w *work) decide(it *item) (consent.Permit, bool) {
	subject, ids := w.subject(it)
	w.decision = consent.Decide(w.site.Policy, &w.signals, subject)
	w.noteOptOut(&subject, ids.Contact.Consent)
	return w.decision.Permit(ids)
}

// encode makes the record and its bytes. What was decided by holds for every
// change up to asOf, or Accept refuses it.
func (w *work) encode(it *item, permit consent.Permit, asOf event.Sequence) error {
	w.keepProperties(it, permit.Scope())
	rec, err := record.Make(permit, &it.raw)
	if err != nil {
		return err
	}
	rec.Sequence = max(rec.Sequence, asOf)
	w.encoded = record.Append(w.encoded[:0], &rec)
	return nil
}

// late says whether an item is about somebody who was erased after it happened: it
// was on its way all the time, or its clock is wrong. What happens later is a new
// person's.
func (w *work) late(it *item, entries []subjects.Entry) bool {
	at := it.raw.Time
	if it.raw.ReceivedAt.Before(at) {
		at = it.raw.ReceivedAt
	}
	for i := range entries {
		if entries[i].Late(at) {
			return true
		}
	}
	return false
}

// drop counts an item that may not be stored.
func (w *work) drop(it *item) {
	reason := w.dropReason()
	it.fate = fate{met: true, reason: reason}
	w.c.deps.Fates.Drop(reason, 1)
	w.tell()
	w.c.metrics.drop(&w.decision)
	w.countHeld(it, false)
	w.observe(it, reason, event.ScopeNone)
	w.quiet = w.quiet || (!w.secret && w.mightBeStored(it))
}

// dropReason says why nothing of the decision may be stored.
func (w *work) dropReason() event.Reason {
	reason := event.ReasonConsent
	for i := range w.site.Policy.Purposes {
		switch w.decision.Verdict(i).By {
		case consent.SourceCriminal: // all of them
			return event.ReasonCriminal
		case consent.SourceErased:
			reason = event.ReasonErased
		case consent.SourceRestricted:
			if reason != event.ReasonErased {
				reason = event.ReasonRestricted
			}
		default:
		}
	}
	return reason
}

// mightBeStored says whether an event would be stored if everybody whom it is
// about had agreed to everything, so that dropping it tells what is on record.
func (w *work) mightBeStored(it *item) bool {
	_, ok := w.best(it)
	return ok
}

// best returns the permit that an event would have if everybody whom it is about
// had agreed to everything, in our dialogue and whatever their browsers sent.
func (w *work) best(it *item) (consent.Permit, bool) {
	agreed := consent.Agreed(w.site.Policy, it.class)
	subject, ids := w.subject(it)
	if subject.Visitor != nil && !ids.Day { // nothing is ever on record about a day's
		subject.Visitor = &agreed
	}
	if subject.Contact != nil {
		subject.Contact = &agreed
	}
	subject.Second = nil
	best := consent.Decide(w.site.Policy, &w.signals, subject)
	return best.Permit(ids)
}

// tell counts the decision, and answers with the first one of the request.
func (w *work) tell() {
	w.c.metrics.decision(&w.decision)
	if w.decided {
		return
	}
	w.decided = true
	w.a.Decision = w.decision.AppendHeader(w.a.Decision, !w.secret, &w.signals)
}
