package subjects

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

func (w *world) tie(keep, drop event.Handle) []event.PurposeID {
	w.t.Helper()
	grants, err := w.set.Tie(context.Background(), site, keep, drop, "ana", "request 13")
	if err != nil {
		w.t.Fatal(err)
	}
	return grants
}

// TestI2MergeKeepsRefusals: whoever of two contacts refused, and whoever is in
// conflict with the one that is dropped, no event is profiled as of the moment
// when they are tied, before and after the keyholder has merged them.
func TestI2MergeKeepsRefusals(t *testing.T) {
	for name, refuse := range map[string]func(w *world, keep, drop, third event.Handle){
		"the one that stays":      func(w *world, keep, _, _ event.Handle) { w.profiling(keep, false) },
		"the one that is dropped": func(w *world, _, drop, _ event.Handle) { w.profiling(drop, false) },
		"one in conflict with it": func(w *world, _, _, third event.Handle) { w.profiling(third, false) },
		"an objection":            func(w *world, _, drop, _ event.Handle) { w.grant(drop, "profiling", false) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			e := w.load(user("keep"), user("drop"), mail("third"))
			keep, drop, third := e[0].Handles.Consent, e[1].Handles.Consent, e[2].Handles.Consent
			w.link(nil, user("drop"), mail("third"))
			w.grant(keep, "profiling", true)
			refuse(w, keep, drop, third)
			before := w.load(user("keep"), user("drop"))
			w.tie(keep, drop)
			if w.accepts(before...) {
				t.Error("an event was accepted on what was known before")
			}
			if profilingAllowed(w.load(user("keep"))...) {
				t.Error("profiled after they were tied")
			}
			w.keys.set(func() { w.keys.contacts[user("drop").H1] = keep }) // the keyholder merges
			if _, err := w.set.Merged(context.Background(), site, keep, drop, "ana", "request 13"); err != nil {
				t.Fatal(err)
			}
			after := w.load(user("drop"))
			if after[0].Handles.Consent != keep {
				t.Error("an identifier of the dropped contact still has its pseudonyms")
			}
			if profilingAllowed(after...) {
				t.Error("profiled after the merge")
			}
		})
	}
}

// TestMergedDropsWhatIsCached: entries of the dropped contact are not accepted any
// more, although the two were tied before they were loaded.
func TestMergedDropsWhatIsCached(t *testing.T) {
	w := newWorld(t)
	e := w.load(user("keep"), user("drop"))
	keep, drop := e[0].Handles.Consent, e[1].Handles.Consent
	w.tie(keep, drop)
	cached := w.load(user("drop"))
	if !w.accepts(cached...) {
		t.Fatal("nothing has changed yet")
	}
	w.keys.set(func() { w.keys.contacts[user("drop").H1] = keep })
	seq, err := w.set.Merged(context.Background(), site, keep, drop, "ana", "request 13")
	if err != nil || seq == 0 {
		t.Fatal(err)
	}
	if w.accepts(cached...) {
		t.Error("an event was accepted under the dropped contact's pseudonyms")
	}
	if now := w.load(user("drop")); now[0].Handles.Consent != keep || !w.accepts(now...) {
		t.Error("the identifier does not lead to the contact that stays")
	}
}

func TestTieTellsWhatIsNotCarried(t *testing.T) {
	w := newWorld(t)
	e := w.load(user("keep"), user("drop"))
	keep, drop := e[0].Handles.Consent, e[1].Handles.Consent
	w.grant(drop, "profiling", true)
	w.grant(drop, "analytics", true)
	w.grant(keep, "analytics", true)
	if grants := w.tie(keep, drop); !slices.Equal(grants, []event.PurposeID{"profiling"}) {
		t.Errorf("grants %v", grants)
	}
	r, err := w.set.Record(context.Background(), site, keep)
	if err != nil || r.Purposes[bitProfiling].Choice != consent.ChoiceUnset {
		t.Errorf("a grant was carried over: %v, %v", r.Purposes[bitProfiling].Choice, err)
	}
}

func TestTieRefusesWhoIsRestricted(t *testing.T) {
	for _, state := range []ledger.State{ledger.StateRestricted, ledger.StateErased} {
		w := newWorld(t)
		e := w.load(user("keep"), user("drop"))
		keep, drop := e[0].Handles.Consent, e[1].Handles.Consent
		if _, err := w.set.Write(context.Background(), ledger.Entry{
			Site: site, Subject: keep, State: state, Type: ledger.EventExpressed, Channel: ledger.ChannelOperator, At: time.Now().UTC(),
		}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.set.Tie(context.Background(), site, keep, drop, "ana", ""); !errors.Is(err, ErrStanding) {
			t.Errorf("%v of the one that stays: %v", state, err)
		}
		if _, err := w.set.Tie(context.Background(), site, drop, keep, "ana", ""); !errors.Is(err, ErrStanding) {
			t.Errorf("%v of the one that is dropped: %v", state, err)
		}
	}
}
