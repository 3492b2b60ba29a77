package rights

import (
	"errors"
	"testing"

	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// TestBrowserOfAContact: who has a browser in their hands does not erase what is the
// contact's that it is linked to; an objection they may make.
func TestBrowserOfAContact(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightErasure, &worker{service: r.Service})
	r.Use(control.RightObjection, &worker{service: r.Service})
	if _, err := r.store.Append(t.Context(), ledger.Entry{
		At: day, Site: "shop", Subject: event.Handle{1}, Linked: event.Handle{2}, State: ledger.StateLinked, Type: ledger.EventImplied, Channel: ledger.ChannelEvent,
	}); err != nil {
		t.Fatal(err)
	}
	browser := func(right control.Right, who string) Opening {
		o := opening(right, who)
		o.Who.Kind = event.KindVisitor
		return o
	}
	if _, err := r.Open(t.Context(), browser(control.RightErasure, "petr")); !errors.Is(err, ErrLinked) || r.vault.cases() != 0 {
		t.Errorf("%v, %d cases are left", err, r.vault.cases())
	}
	waiting := r.open(t, browser(control.RightErasure, "nobody"))
	if _, err := r.Act(t.Context(), waiting.ID, Act{Name: "supply", Actor: "ana", Who: Who{Kind: event.KindVisitor, Value: "petr"}}); !errors.Is(err, ErrLinked) || r.vault.cases() != 0 {
		t.Errorf("supplied: %v, %d cases are left", err, r.vault.cases())
	}
	r.open(t, browser(control.RightObjection, "petr"))
	r.open(t, browser(control.RightErasure, "eva")) // a browser that is nobody's
	if contact := r.open(t, opening(control.RightErasure, "jana")); contact.Handle != (event.Handle{1}) {
		t.Errorf("the contact's own: %+v", contact)
	}
}
