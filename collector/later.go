package collector

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/later"
	"zgoda/pseudonym/sealed"
	"zgoda/spool"
	"zgoda/subjects"
)

// Later is where events wait about people whom only the keyholder could have told,
// while it is away.
type Later struct {
	Queue   log
	Sealer  sealer
	Memory  memory
	Changes changes
}

// sealer seals blinded identifiers to the keyholder; sealed.Sealer is one.
type sealer interface {
	Seal(dst []byte, ids sealed.Identifiers) ([]byte, error)
}

// memory answers without asking anybody; subjects.Set does.
type memory interface {
	Known(site event.SiteID, now time.Time, ids []subjects.Identity, out []subjects.Entry) bool
	Linked(site event.SiteID, now time.Time, contact []subjects.Identity, visitor *subjects.Identity) bool
}

// changes tells what was recorded about somebody since; control.Store does.
type changes interface {
	Since(ctx context.Context, site event.SiteID, subject event.Handle, after event.Sequence, limit int) ([]ledger.Entry, error)
}

func (l *Later) validate() error {
	if l != nil && (l.Queue == nil || l.Sealer == nil || l.Memory == nil || l.Changes == nil) {
		return errors.New("collector: a part of what lets events wait is missing")
	}
	return nil
}

// absence remembers that the keyholder did not answer, so that not every request
// waits for it to find out. One request at a time tries, after a pause.
type absence struct {
	until  atomic.Int64 // Unix nanoseconds; 0: it is there
	trying atomic.Bool
}

// absencePause is how long nobody tries after an attempt that failed.
const absencePause = 250 * time.Millisecond

func (a *absence) there() bool { return a.until.Load() == 0 }

// mayAsk says whether the caller may ask the keyholder, and is to note the outcome.
func (a *absence) mayAsk() bool {
	until := a.until.Load()
	return until == 0 || time.Now().UnixNano() >= until && a.trying.CompareAndSwap(false, true)
}

func (a *absence) note(err error) {
	switch {
	case errors.Is(err, subjects.ErrKeyholderAway):
		a.until.Store(time.Now().Add(absencePause).UnixNano())
	case err == nil && !a.there():
		a.until.Store(0)
	}
	a.trying.Store(false)
}

// ask loads the identities of all items, from memory alone while the keyholder is
// known to be away.
func (w *work) ask(ctx context.Context) error {
	l, away := w.c.deps.Later, &w.c.away
	if l == nil || w.dry {
		return w.c.deps.Subjects.Load(ctx, w.site.ID, w.r.ReceivedAt, w.ids, w.entries)
	}
	there := away.there()
	if !there {
		if l.Memory.Known(w.site.ID, w.r.ReceivedAt, w.ids, w.entries) {
			return nil
		}
		if !away.mayAsk() {
			return subjects.ErrKeyholderAway
		}
	}
	err := w.c.deps.Subjects.Load(ctx, w.site.ID, w.r.ReceivedAt, w.ids, w.entries)
	if !there || err != nil { // what memory alone answered tells nothing
		away.note(err)
	}
	return err
}

// mayWait says whether an event that an error kept from being decided may wait.
func (w *work) mayWait(err error) bool {
	return w.c.deps.Later != nil && !w.dry && errors.Is(err, subjects.ErrKeyholderAway)
}

// linkOrWait links the identifiers of an item, unless that has to wait for the
// keyholder.
func (w *work) linkOrWait(ctx context.Context, c *cast) (waits bool, err error) {
	away := &w.c.away
	there := away.there()
	if w.c.deps.Later == nil || !there && w.linked(c) {
		return false, w.linkItem(ctx, c)
	}
	if !there && !away.mayAsk() {
		return true, nil
	}
	err = w.linkItem(ctx, c)
	if !there || err != nil {
		away.note(err)
	}
	if w.mayWait(err) {
		return true, nil
	}
	return false, err
}

// linked says whether memory alone tells that a cast is linked.
func (w *work) linked(c *cast) bool {
	m, contacts, visitors := w.c.deps.Later.Memory, w.ids[c.contacts:c.end], w.linkedVisitors(c)
	for i := range visitors {
		if !m.Linked(w.site.ID, w.r.ReceivedAt, contacts, &visitors[i]) {
			return false
		}
	}
	return len(visitors) > 0 || m.Linked(w.site.ID, w.r.ReceivedAt, contacts, nil)
}

// part finds out, once the keyholder could not be asked, which items are about known
// people only. Those go on; the others wait.
func (w *work) part() {
	for i := range w.items {
		it := &w.items[i]
		if it.fate.met || it.waits {
			continue
		}
		c := &it.cast
		it.waits = !w.c.deps.Later.Memory.Known(w.site.ID, w.r.ReceivedAt, w.ids[c.visitors:c.end], w.entries[c.visitors:c.end])
	}
}

// putBy lets an item wait, sealed and undecided. What its own signals rule out for
// anybody is not kept at all.
func (w *work) putBy(it *item) {
	permit, ok := w.bestOfAnybody(it)
	if !ok {
		it.fate = fate{met: true, reason: w.dropReason()}
		w.c.deps.Fates.Drop(it.fate.reason, 1)
		w.tell()
		w.c.metrics.drop(&w.decision)
		w.countHeld(it, false)
		w.note(it, it.fate.reason, event.ScopeNone)
		return
	}
	ticket, err := w.seal(it, permit.Scope())
	switch {
	case errors.Is(err, spool.ErrFull):
		w.refuseCounted(it, event.ReasonSealedFull)
		return
	case errors.Is(err, sealed.ErrNoKey):
		w.refuseCounted(it, event.ReasonKeyholderAway)
		return
	case err != nil:
		w.refuseCounted(it, reasonFor(err))
		return
	}
	it.ticket, it.fate.put, it.fate.later = ticket, true, true
	w.asked = w.asked || w.signals.DNT != consent.Absent
	w.tracked = w.tracked || permit.Scope() != event.ScopeNone
	w.tellLater()
}

// bestOfAnybody returns the permit that an item would have if everybody whom it is
// about had agreed to everything. Its pseudonyms are nobody's.
func (w *work) bestOfAnybody(it *item) (consent.Permit, bool) {
	agreed := consent.Agreed(w.site.Policy, it.class)
	s := consent.Subject{Server: w.secret, NoOrigin: w.noOrigin, Class: it.class, Today: consent.DayOf(w.r.ReceivedAt)}
	somebody := event.Handles{Consent: event.Handle{1}, Profiling: event.Handle{1}, Analytics: event.Handle{1}}
	var ids consent.Identities
	if it.cast.hasVisitor() {
		s.Visitor, ids.Visitor = &agreed, somebody
	}
	if it.cast.hasContact() {
		s.Contact, ids.Contact = &agreed, somebody
	}
	s.Speaks = w.speaker(it.cast.hasVisitor(), it.cast.hasContact())
	s.Address = w.place(it, s.Contact)
	w.unset(it, &s)
	w.decision = consent.Decide(w.site.Policy, &w.signals, s)
	return w.decision.Permit(ids)
}

// seal makes the record of an item that waits and puts it into the queue. best is the
// widest scope that it can have: what no scope up to it may hold is left out.
func (w *work) seal(it *item, best event.Scope) (spool.Ticket, error) {
	e := later.Event{
		Raw: it.raw, Secret: w.secret, NoOrigin: w.noOrigin, Told: it.told, Link: it.cast.link, Unset: w.held(it), Class: it.class,
		AsOf: w.c.deps.Subjects.AsOf(), Policy: w.site.Policy.Version, Purposes: later.PurposesOf(nil, w.site.Policy), Signals: w.signals,
		Visitors: it.cast.contacts - it.cast.visitors,
	}
	var s consent.Subject
	w.unset(it, &s)
	e.Released = s.Released
	if best == event.ScopePerson {
		w.keepProperties(it, event.ScopePerson)
		e.Person = it.raw.Properties
	}
	if best != event.ScopeNone {
		w.keepProperties(it, event.ScopePeriod)
		e.Period = it.raw.Properties
	}
	var ids sealed.Identifiers
	for _, id := range w.ids[it.cast.visitors:it.cast.end] {
		ids.List = append(ids.List, sealed.Identifier{H1: id.H1, Old: id.Old, Kind: id.Kind, Mint: id.Mint})
		ids.Gate = max(ids.Gate, id.Gate)
	}
	var err error
	if e.Sealed, err = w.c.deps.Later.Sealer.Seal(nil, ids); err != nil {
		return spool.Ticket{}, err
	}
	if it.tells && best == event.ScopePerson {
		if err := w.sealSaid(it); err != nil {
			return spool.Ticket{}, err
		}
		e.Said = it.blob
	}
	w.encoded = later.Append(w.encoded[:0], &e)
	return w.c.deps.Later.Queue.Put(w.encoded)
}

// tellLater answers for an item that waits. A public key is told what it would be
// told of anybody; a server, that it is not decided yet.
func (w *work) tellLater() {
	if w.decided {
		return
	}
	w.decided = true
	if !w.secret {
		w.a.Decision = w.decision.AppendHeader(w.a.Decision, true, &w.signals)
		return
	}
	for i := range w.site.Policy.Purposes {
		if i > 0 {
			w.a.Decision = append(w.a.Decision, ", "...)
		}
		w.a.Decision = append(w.a.Decision, w.site.Policy.Purposes[i].ID...)
		w.a.Decision = append(w.a.Decision, "; by=later"...)
	}
}
