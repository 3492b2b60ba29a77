package collector

import (
	"zgoda/collector/segment"
	"zgoda/consent/cookie"
	"zgoda/event"
	"zgoda/jsontape"
	"zgoda/subjects"
)

// cast is whom an event is about, as places in the request's list of
// identities: its visitors, the one it is stored under first, then its contacts,
// the named one first.
type cast struct {
	visitors, contacts, end int
	link                    bool // the identifiers are to lead to one contact
	entitled                bool // a contact may be spoken of: secret key, or proof
}

func (c *cast) hasVisitor() bool { return c.contacts > c.visitors }

func (c *cast) hasContact() bool { return c.end > c.contacts }

// identify finds out whom an item is about, and appends their blinded
// identifiers to the request's list. Whatever a public key says of a contact
// without a proof is a claim: it is counted and goes no further, not even to
// the blinder.
func (w *work) identify(it *item) error {
	it.cast = cast{visitors: len(w.ids)}
	if err := w.visitors(it); err != nil {
		return err
	}
	it.cast.contacts = len(w.ids)
	it.cast.entitled = w.secret
	if !w.secret {
		it.cast.entitled = proven(w.site.Secret, it.ev.UserID, it.ev.Proof)
		w.dropClaims(it)
	}
	if it.cast.entitled {
		if err := w.contacts(it); err != nil {
			return err
		}
	}
	it.cast.end = len(w.ids)
	it.tells = w.mayTell(it)
	return nil
}

// visitors adds the visitor of the signed cookie, which wins; the one that the
// body names; and the one that an alias says was the contact before.
func (w *work) visitors(it *item) error {
	if w.cookieVisitor() {
		if err := w.addVisitor(it, w.visitor[:], "cookie"); err != nil {
			return err
		}
	}
	if len(it.ev.AnonymousID) > 0 {
		if err := w.addVisitor(it, it.ev.AnonymousID, "anonymousId"); err != nil {
			return err
		}
	}
	if w.secret && it.ev.Type == event.TypeAlias && len(it.ev.PreviousID) > 0 {
		return w.addVisitor(it, it.ev.PreviousID, "previousId")
	}
	return nil
}

// addVisitor adds a visitor unless the item has it already.
func (w *work) addVisitor(it *item, value []byte, field string) error {
	if err := w.add(event.KindVisitor, value, field, false); err != nil {
		return err
	}
	last := len(w.ids) - 1
	for _, id := range w.ids[it.cast.visitors:last] {
		if id.H1 == w.ids[last].H1 {
			w.ids = w.ids[:last]
			break
		}
	}
	return nil
}

// cookieVisitor reads the visitor of the signed cookie into w.visitor, once for
// all items.
func (w *work) cookieVisitor() bool {
	if w.cookieRead || w.r.Cookie == nil {
		return w.hasVisitor
	}
	w.cookieRead = true
	if value := w.r.Cookie(cookie.Visitor); len(value) > 0 {
		w.visitor, w.hasVisitor = w.c.deps.Jar.OpenVisitor(w.site.ID, value, w.r.ReceivedAt)
	}
	return w.hasVisitor
}

// keepsProven says whether the traits of a proven identify are kept: whoever may speak
// for a contact says them of it. They identify nobody.
func (w *work) keepsProven(it *item) bool {
	return it.ev.Type == event.TypeIdentify && w.site.Keeping != KeepNone && w.c.deps.Said != nil
}

// dropClaims forgets what a public key says of contacts. With a proof the proven
// userId stays alone as an identifier: the proof covers no other.
func (w *work) dropClaims(it *item) {
	said := it.cast.entitled && w.keepsProven(it)
	claimed := len(it.ev.PreviousID) > 0 || it.ev.Traits.Exists() && !said
	if !it.cast.entitled {
		claimed = claimed || len(it.ev.UserID) > 0 || len(it.ev.GroupID) > 0
		it.ev.UserID, it.ev.GroupID = nil, nil
	}
	if !said {
		it.ev.Traits = jsontape.Value{}
	}
	it.ev.PreviousID, it.ev.Proof = nil, nil
	it.claim = claimed
	if claimed && !w.dry {
		w.c.metrics.claims.Inc()
	}
}

// contacts adds the contact that userId names and, for identify and alias with
// a secret key, the identifiers that are to lead to it.
func (w *work) contacts(it *item) error {
	ev := &it.ev
	if len(ev.UserID) == 0 {
		return nil
	}
	if err := w.add(event.KindUserID, ev.UserID, "userId", true); err != nil {
		return err
	}
	switch {
	case !w.secret:
		// The proof covers userId alone: nothing else of a public key leads to it.
	case ev.Type == event.TypeIdentify:
		w.addTrait(ev, event.KindEmail, "email")
		w.addTrait(ev, event.KindPhone, "phone")
	case ev.Type == event.TypeAlias && len(ev.PreviousID) > 0:
		if err := w.add(event.KindUserID, ev.PreviousID, "previousId", true); err != nil {
			return err
		}
	}
	links := !w.secret || ev.Type == event.TypeIdentify || ev.Type == event.TypeAlias
	it.cast.link = links && !w.dry && (it.cast.hasVisitor() || len(w.ids)-it.cast.contacts > 1)
	return nil
}

// addTrait adds a trait that identifies. One that is none (SDKs send "n/a") is
// passed over: traits are optional and go no further anyway.
func (w *work) addTrait(ev *segment.Event, kind event.IdentifierKind, name string) {
	// Its error is no refusal, as said.
	if value := segment.TraitText(ev, name); len(value) > 0 {
		_ = w.add(kind, value, name, true)
	}
}

// add blinds an identifier and appends it.
func (w *work) add(kind event.IdentifierKind, value []byte, field string, mint bool) error {
	both, err := w.c.deps.Blinder.BlindBoth(w.site.ID, kind, value)
	if err != nil {
		return &segment.FieldError{Field: field, Why: "is not a usable identifier"}
	}
	w.ids = append(w.ids, subjects.IdentityOf(both, kind, mint && !w.dry))
	return nil
}
