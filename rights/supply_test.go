package rights

import (
	"errors"
	"slices"
	"testing"

	"zgoda/control"
	"zgoda/event"
)

// TestSupply: a request about nobody waits until somebody says who it is.
func TestSupply(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightRestriction, &worker{service: r.Service})
	one := r.open(t, opening(control.RightRestriction, "nobody"))
	if _, err := r.Act(t.Context(), one.ID, Act{Name: "supply", Actor: "ana", Who: Who{Kind: event.KindUserID, Value: "nobody"}}); !errors.Is(err, ErrNobody) {
		t.Errorf("nobody: %v", err)
	}
	got := r.act(t, one.ID, Act{Name: "supply", Who: Who{Kind: event.KindUserID, Value: "jana"}})
	if got.State != control.RequestComplete || got.Handle != (event.Handle{1}) {
		t.Errorf("it is %+v", got)
	}
	r.Use(control.RightRestriction, &worker{service: r.Service, holds: true})
	first, again := r.open(t, opening(control.RightRestriction, "petr")), r.open(t, opening(control.RightRestriction, "who"))
	if _, err := r.Act(t.Context(), again.ID, Act{Name: "supply", Actor: "ana", Who: Who{Kind: event.KindUserID, Value: "petr"}}); !errors.Is(err, control.ErrOpen) {
		t.Errorf("%s is open about them: %v", first.ID, err)
	}
	// The wrong one was named, and not kept: it is about whom is named next.
	if got := r.act(t, again.ID, Act{Name: "supply", Who: Who{Kind: event.KindUserID, Value: "eva"}}); got.Handle != (event.Handle{3}) || r.vault.open[again.ID] != (event.Handle{3}) {
		t.Errorf("it is about %v, and the keyholder has %v", got.Handle, r.vault.open[again.ID])
	}
}

// TestScope: an objection and a withdrawal are about the purposes that are named; of
// every other right a scope is refused, by its field, when it is opened and later.
func TestScope(t *testing.T) {
	r := newRoom(t, nil)
	for _, right := range Rights {
		o := opening(right, "nobody")
		o.Scope = []event.PurposeID{"analytics"}
		scoped := right == control.RightObjection || right == control.RightWithdrawal
		var refused *FieldError
		got, err := r.Open(t.Context(), o)
		if errors.As(err, &refused) == scoped || !scoped && refused.Field != "scope" || scoped && !slices.Equal(got.Scope, o.Scope) {
			t.Errorf("%s is opened with a scope: %v, %v", right, err, got.Scope)
		}
		o.Scope = nil
		one := r.open(t, o)
		supply := Act{Name: "supply", Actor: "ana", Who: Who{Kind: event.KindUserID, Value: "jana"}, Scope: []event.PurposeID{"analytics"}}
		got, err = r.Act(t.Context(), one.ID, supply)
		if errors.As(err, &refused) == scoped || !scoped && refused.Field != "scope" || scoped && !slices.Equal(got.Scope, supply.Scope) {
			t.Errorf("%s is supplied with a scope: %v, %v", right, err, got.Scope)
		}
	}
}

// TestFailedIsEnded: what cannot be done any more does not stay open for ever.
func TestFailedIsEnded(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightRestriction, &worker{service: r.Service, fail: []error{&Trouble{Class: "nobody_known", Err: ErrNobody}}})
	one := r.open(t, opening(control.RightRestriction, "jana"))
	if one.State != control.RequestFailed {
		t.Fatalf("it is %s", one.State)
	}
	if got := r.act(t, one.ID, Act{Name: "cancel", Note: "they were erased"}); got.State != control.RequestCancelled || got.Done.IsZero() || r.vault.cases() != 0 {
		t.Errorf("it is %+v", got)
	}
}

// TestOpenAtEverySite: what retention asks for is of no site, and is the same as what
// somebody asks for at one.
func TestOpenAtEverySite(t *testing.T) {
	r := newRoom(t, nil)
	r.Use(control.RightErasure, &worker{service: r.Service})
	o := opening(control.RightErasure, "jana")
	o.Site = ""
	first := r.open(t, o)
	if again := r.open(t, opening(control.RightErasure, "jana")); again.State != control.RequestDuplicate || again.DuplicateOf != first.ID {
		t.Errorf("it is %+v", again)
	}
}
