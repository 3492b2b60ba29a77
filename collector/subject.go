package collector

import (
	"zgoda/consent"
	"zgoda/event"
	"zgoda/subjects"
)

// subject gathers everyone an item is about. The visitor and the contact that
// the event may be stored under stand in their own places with their grants;
// everyone else that its identifiers lead to stands in the second place, where
// only refusals count: of several, all of them, and the event is stored as nobody's.
func (w *work) subject(it *item) (s consent.Subject, ids consent.Identities) {
	c := &it.cast
	s = consent.Subject{Server: w.secret, NoOrigin: w.noOrigin, Class: it.class, Today: consent.DayOf(w.r.ReceivedAt)}
	var visitor, contact, other *subjects.Entry
	everyone := w.entries[c.visitors:c.end]
	for i := range everyone {
		e := &everyone[i]
		isVisitor := c.visitors+i < c.contacts
		switch {
		case isVisitor && c.hasContact() && w.erased(e, i):
			// Whoever comes back is new, and decides alone.
		case isVisitor && visitor == nil:
			visitor = e
			w.erased(e, i)
		case !isVisitor && contact == nil:
			contact = e
		case sameAs(e, visitor), sameAs(e, contact), sameAs(e, other):
		case other == nil:
			other, w.second = e, w.bystander(e, isVisitor)
		default:
			r := w.bystander(e, isVisitor)
			addRefusals(&w.second, &r)
			// Nothing is linked to explain a request: its contacts would be one.
			ids.More = ids.More || isVisitor || !w.dry
		}
	}
	if visitor != nil {
		s.Visitor, ids.Visitor, s.Speaks = visitor.Record(), visitor.Handles, consent.SpeaksForVisitor
	}
	if contact != nil {
		s.Contact, ids.Contact = contact.Record(), contact.Handles
	}
	if other != nil {
		s.Second, ids.Second = &w.second, other.Handles
	}
	s.Speaks = w.speaker(visitor != nil, contact != nil)
	if w.site.Cookieless {
		w.unknown(&s, &ids)
	}
	s.Address = w.place(it, s.Contact)
	w.unset(it, &s)
	return s, ids
}

// erased says whether the i-th person of an item is erased, and notes it of the
// browser that asks: its cookie names nobody any more.
func (w *work) erased(e *subjects.Entry, i int) bool {
	erased := e.Record().State == consent.StateErased
	w.forgotten = w.forgotten || erased && i == 0 && w.hasVisitor
	return erased
}

// bystander returns the record of somebody who can refuse only. A visitor's place
// is the address's: where it is not known, it is none of its own.
func (w *work) bystander(e *subjects.Entry, isVisitor bool) consent.Record {
	r := *e.Record()
	if isVisitor && r.Place == consent.JurisdictionUnknown {
		r.Place = w.site.Policy.Establishment
	}
	return r
}

// place returns whose rules hold where the person is, as far as the address
// tells. A server's own address is not the person's: the country on record for
// the contact stands for it, and an address that the server tells can make it
// stricter only. A base of countries knows no states of the US.
func (w *work) place(it *item, contact *consent.Record) consent.Jurisdiction {
	policy := w.site.Policy
	if !w.secret {
		return policy.Place(it.raw.Country, "")
	}
	if contact == nil {
		return consent.JurisdictionUnknown
	}
	if it.told && policy.Place(it.raw.Country, "") != contact.Place {
		return consent.JurisdictionUnknown
	}
	return contact.Place
}

// speaker says for whom the request's own statements count: a server that names
// a contact states them for the contact; anyone else for the visitor.
func (w *work) speaker(visitor, contact bool) consent.Speaker {
	switch {
	case w.secret && contact:
		return consent.SpeaksForContact
	case visitor:
		return consent.SpeaksForVisitor
	default:
		return consent.SpeaksForNobody
	}
}

func sameAs(e, known *subjects.Entry) bool {
	return known != nil && e.Handles.Consent == known.Handles.Consent
}

// addRefusals adds every refusal of b to a: what either refuses, both do.
func addRefusals(a, b *consent.Record) {
	a.Sequence = min(a.Sequence, b.Sequence)
	a.State = max(a.State, b.State)
	a.ProfilingOff = a.ProfilingOff || b.ProfilingOff
	a.OptOut = a.OptOut || b.OptOut
	a.Minority = a.Minority.Younger(b.Minority)
	a.Linked |= b.Linked
	if a.Place != b.Place {
		a.Place = consent.JurisdictionUnknown
	}
	for bit := range event.MaxPurposes {
		if b.Purposes[bit].Choice.Refuses() {
			a.Purposes[bit] = b.Purposes[bit]
		}
	}
}
