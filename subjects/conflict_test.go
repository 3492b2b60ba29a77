package subjects

import (
	"context"
	"errors"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

func mail(name string) Identity {
	return Identity{H1: h1(event.KindEmail, name), Kind: event.KindEmail, Mint: true}
}

func (w *world) link(visitor *Identity, contact ...Identity) LinkResult {
	w.t.Helper()
	r, err := w.set.Link(context.Background(), site, time.Now(), contact, visitor)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

func (w *world) accepts(entries ...Entry) bool {
	w.t.Helper()
	ran := false
	if err := w.set.Accept(entries, func() error { ran = true; return nil }); err != nil && !errors.Is(err, ErrStale) {
		w.t.Fatal(err)
	}
	return ran
}

// TestI2ConflictIsRemembered: a support desk that knows only the mail switches
// profiling off; then an event names the user and the mail. From then on events
// that name the user alone, or only a browser of theirs, must not be profiled.
func TestI2ConflictIsRemembered(t *testing.T) {
	for name, meet := range map[string]func(w *world, v Identity){
		"identify with the mail":       func(w *world, v Identity) { w.link(nil, user("u"), mail("m")) },
		"alias of another id":          func(w *world, v Identity) { w.link(nil, user("u"), user("old"), mail("m")) },
		"identify in a browser":        func(w *world, v Identity) { w.link(&v, user("u"), mail("m")) },
		"an identifier of the user's":  func(w *world, v Identity) { w.link(nil, user("u"), user("u2")); w.link(&v, mail("m"), user("u2")) },
		"the browser linked before it": func(w *world, v Identity) { w.link(&v, mail("m")); w.link(nil, user("u"), mail("m")) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			v, other := visitor("browser-7"), visitor("of u")
			u, m := w.load(user("u"))[0], w.load(mail("m"))[0]
			w.link(&other, user("u"))
			people := []Identity{user("u"), v, other}
			for _, e := range w.load(people...) {
				w.grant(e.Handles.Consent, "profiling", true)
			}
			w.profiling(m.Handles.Consent, false)
			before := w.load(user("u"), other)
			if !profilingAllowed(before[0]) {
				t.Fatal("nobody has met yet")
			}
			meet(w, v)
			for i, e := range before {
				if w.accepts(e) {
					t.Errorf("person %d is accepted as it was before the conflict", i)
				}
			}
			for i, e := range w.load(user("u"), other) {
				if profilingAllowed(e) {
					t.Errorf("person %d: the switch is forgotten", i)
				}
			}
			linked := name == "identify in a browser" || name == "the browser linked before it" || name == "an identifier of the user's"
			if linked && profilingAllowed(w.load(v)...) {
				t.Error("the browser's switch is forgotten")
			}
			// Lifting it lifts it for all, and the other way round: u's own refusal
			// now reaches whoever is m's.
			w.profiling(m.Handles.Consent, true)
			for i, e := range w.load(people...) {
				if !profilingAllowed(e) {
					t.Errorf("person %d: the switch is still there", i)
				}
			}
			lifted := w.load(people...)
			w.profiling(u.Handles.Consent, false)
			for i, e := range lifted {
				if (linked || i != 1) && (w.accepts(e) || profilingAllowed(w.load(people[i])...)) {
					t.Errorf("person %d: u's switch does not reach", i)
				}
			}
			if w.load(mail("m"))[0].Record().ProfilingOff != true {
				t.Error("u's switch does not reach the mail")
			}
			// The state is on disk.
			w.close()
			w.open()
			if profilingAllowed(w.load(other)...) {
				t.Error("a restart forgot the conflict")
			}
		})
	}
}

// TestConflictGrantsNothing: grants stay with whom they were given to.
func TestConflictGrantsNothing(t *testing.T) {
	w := newWorld(t)
	v := visitor("v")
	m := w.load(mail("m"), user("u"))[0]
	w.grant(m.Handles.Consent, "profiling", true)
	r := w.link(&v, user("u"), mail("m"))
	if !r.Conflict || r.Second.Handles.Consent != m.Handles.Consent {
		t.Fatal("no conflict")
	}
	for i, e := range w.load(user("u"), v) {
		if e.Record().Purposes[bitProfiling].Choice != consent.ChoiceUnset {
			t.Errorf("person %d has somebody else's grant", i)
		}
	}
}

// TestConflictCostsNothingTwice: what is written is answered from the cache.
func TestConflictCostsNothingTwice(t *testing.T) {
	w := newWorld(t)
	v := visitor("v")
	contacts := []Identity{user("u"), mail("m"), user("third")}
	w.load(contacts...)
	w.link(&v, contacts...)
	if got := w.store.Sequence(); got != 6 { // three pairs, three links
		t.Errorf("%d entries", got)
	}
	calls := w.keys.links.Load()
	if r := w.link(&v, contacts...); !r.Conflict || r.Second.IsZero() || r.Visitor.IsZero() {
		t.Error("the conflict is not told again")
	}
	if w.keys.links.Load() != calls || w.store.Sequence() != 6 {
		t.Error("a known conflict was written again")
	}
	history, err := w.store.History(t.Context(), site, w.load(contacts...)[0].Handles.Consent, 10)
	if err != nil || len(history) == 0 || history[0].State != ledger.StateConflict {
		t.Errorf("the ledger does not say it: %v", err)
	}
}

// TestLinkFailsWithoutTheConflictOnRecord: an event is refused rather than stored
// with a conflict that nothing remembers.
func TestLinkFailsWithoutTheConflictOnRecord(t *testing.T) {
	w := newWorld(t)
	w.load(user("u"), mail("m"))
	w.slow.append = func(context.Context, ...ledger.Entry) (control.Change, error) {
		return control.Change{}, errors.New("disk")
	}
	if _, err := w.set.Link(t.Context(), site, time.Now(), []Identity{user("u"), mail("m")}, nil); !errors.Is(err, ErrControlAway) {
		t.Errorf("got %v", err)
	}
}

// TestI2ChangeOfUnknownOutcomeIsFenced: the switch was answered with an error,
// and may be on disk all the same; what was loaded before must not be used.
func TestI2ChangeOfUnknownOutcomeIsFenced(t *testing.T) {
	w := newWorld(t)
	v := visitor("v")
	w.link(&v, user("u"))
	e := w.load(user("u"), v)
	w.slow.append = func(ctx context.Context, entries ...ledger.Entry) (control.Change, error) {
		c, err := w.store.Append(ctx, entries...)
		return c, errors.Join(err, control.ErrUnknown)
	}
	if _, err := w.set.SetProfiling(t.Context(), site, e[0].Handles.Consent, false, "ana", ""); !errors.Is(err, ErrControlAway) {
		t.Fatalf("got %v", err)
	}
	if w.accepts(e[0]) || w.accepts(e[1]) {
		t.Error("an entry of before the change is accepted")
	}
	for _, e := range w.load(user("u"), v) {
		if !e.Record().ProfilingOff || !w.accepts(e) {
			t.Error("the change is not loaded")
		}
	}
}

// TestI2ChangeOfVeryMany: more people than a change names are all reached.
func TestI2ChangeOfVeryMany(t *testing.T) {
	w := newWorld(t)
	stranger := w.load(visitor("stranger"))
	var entries []ledger.Entry
	contact := w.load(user("u"))[0].Handles.Consent
	v := w.load(visitor("v"))[0].Handles.Consent
	flush := func() {
		if _, err := w.store.Append(t.Context(), entries...); err != nil {
			t.Fatal(err)
		}
		entries = nil
	}
	for i := range control.MaxAffected {
		linked := event.Handle{0: byte(i), 1: byte(i >> 8), 15: 7}
		if i == 0 {
			linked = v
		}
		entries = append(entries, ledger.Entry{
			Site: site, Subject: contact, Linked: linked, State: ledger.StateLinked,
			Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: time.Now(),
		})
		if len(entries) == 256 {
			flush()
		}
	}
	flush()
	w.grant(v, "profiling", true)
	before := w.load(user("u"), visitor("v"))
	if !w.accepts(before...) {
		t.Fatal("nothing has changed yet")
	}
	w.profiling(contact, false)
	for i, e := range append(before, stranger...) {
		if w.accepts(e) {
			t.Errorf("person %d is accepted as they were", i)
		}
	}
	now := w.load(user("u"), visitor("v"), visitor("stranger"))
	if !w.accepts(now...) || profilingAllowed(now[1]) || now[2].Record().ProfilingOff {
		t.Error("the change is not loaded, or reached a stranger")
	}
	if size := w.set.fence.size.Load(); size != 0 {
		t.Errorf("%d marks are kept below the floor", size)
	}
}
