package control

import (
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

func lifeStore(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// life is one entry about a purpose.
func life(subject byte, state ledger.State, at time.Time) ledger.Entry {
	return ledger.Entry{
		Site: "shop", Subject: event.Handle{subject}, Purpose: "analytics", PurposeVersion: 1, State: state,
		Type: ledger.EventExplicit, Channel: ledger.ChannelOperator, At: at,
	}
}

func lifeWrite(t *testing.T, s *Store, e ledger.Entry) {
	t.Helper()
	if _, err := s.Append(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

func lifeHeld(t *testing.T, s *Store, subject byte) consent.Held {
	t.Helper()
	policy := &consent.Policy{Site: "shop", Purposes: []consent.Purpose{{ID: "analytics", Bit: 1, Version: 1}}}
	found := [1]Found{}
	if _, err := s.Records(t.Context(), []Lookup{{Policy: policy, Handle: event.Handle{subject}}}, found[:]); err != nil {
		t.Fatal(err)
	}
	return found[0].Record.Purposes[1]
}

func lifeStates(t *testing.T, s *Store, subject byte) (all []string) {
	t.Helper()
	entries, err := s.History(t.Context(), "shop", event.Handle{subject}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		all = append(all, entries[i].State.String())
	}
	return all
}

// contractLinks: kept, found, used once, counted, dropped.
func contractLinks(t *testing.T, cfg Config) {
	t.Helper()
	s := lifeStore(t, cfg)
	at := time.Date(2026, 11, 22, 8, 0, 0, 123000, time.UTC)
	l := Link{
		Hash: [32]byte{1}, Site: "shop", Subject: event.Handle{1}, Terms: "analytics:1", Locale: "sk", Surface: "form", Requested: 7,
		Created: at, Expires: at.Add(time.Hour),
	}
	if err := s.AddLink(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	if err := s.AddLink(t.Context(), l); err == nil {
		t.Error("a hash was kept twice")
	}
	got, found, err := s.FindLink(t.Context(), l.Hash)
	if err != nil || !found || got != l {
		t.Fatalf("found %v, %v: %+v", found, err, got)
	}
	for _, later := range []time.Duration{time.Minute, time.Hour} {
		if err := s.UseLink(t.Context(), l.Hash, at.Add(later)); err != nil {
			t.Fatal(err)
		}
	}
	if got, _, err = s.FindLink(t.Context(), l.Hash); err != nil || !got.Used.Equal(at.Add(time.Minute)) {
		t.Errorf("used at %v, %v", got.Used, err)
	}
	for since, want := range map[time.Time]int{at: 1, at.Add(time.Second): 0} {
		if n, err := s.CountLinks(t.Context(), "shop", event.Handle{1}, since); err != nil || n != want {
			t.Errorf("%d links, %v", n, err)
		}
	}
	if err := s.DropLinksBefore(t.Context(), l.Expires); err != nil {
		t.Fatal(err)
	}
	if _, found, err = s.FindLink(t.Context(), l.Hash); err != nil || !found {
		t.Error("a link was forgotten too early", err)
	}
	if err := s.DropLink(t.Context(), l.Hash); err != nil {
		t.Fatal(err)
	}
	if _, found, err = s.FindLink(t.Context(), l.Hash); err != nil || found {
		t.Error("a link is still there", err)
	}
}

// contractGrantsEnd: a grant with an end is found when it is over, noted once and
// found no more; given again it is renewed.
func contractGrantsEnd(t *testing.T, cfg Config) {
	t.Helper()
	s := lifeStore(t, cfg)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ends := life(1, ledger.StateGiven, at)
	ends.Until = at.AddDate(0, 1, 0)
	lifeWrite(t, s, ends)
	lifeWrite(t, s, life(2, ledger.StateGiven, at))
	lifeWrite(t, s, life(3, ledger.StateGiven, at.AddDate(0, 3, 0)))
	lifeWrite(t, s, life(4, ledger.StateRefused, at))

	lapsing := func(given, until time.Time) (all []byte) {
		found, err := s.Lapsing(t.Context(), "shop", "analytics", given, until, event.Handle{}, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, g := range found {
			all = append(all, g.Subject[0])
		}
		return all
	}
	if got := lapsing(time.Time{}, at.AddDate(0, 0, 5)); len(got) != 0 {
		t.Errorf("lapsing too early: %v", got)
	}
	if got := lapsing(time.Time{}, at.AddDate(0, 2, 0)); string(got) != "\x01" {
		t.Errorf("lapsing by their own end: %v", got)
	}
	if got := lapsing(at.AddDate(0, 1, 0), at.AddDate(0, 2, 0)); string(got) != "\x01\x02" {
		t.Errorf("lapsing by their age too: %v", got)
	}

	expired := life(1, ledger.StateExpired, at.AddDate(0, 2, 0))
	expired.Channel, expired.Type = ledger.ChannelClock, ledger.EventImplied
	lifeWrite(t, s, expired)
	lifeWrite(t, s, expired)
	if got := lapsing(time.Time{}, at.AddDate(0, 2, 0)); len(got) != 0 {
		t.Errorf("still lapsing: %v", got)
	}
	noted, err := s.Expired(t.Context(), "shop", "analytics", event.Handle{}, 10)
	if err != nil || len(noted) != 1 || noted[0].Subject[0] != 1 {
		t.Errorf("noted as expired: %d, %v", len(noted), err)
	}
	lifeWrite(t, s, life(1, ledger.StateGiven, at.AddDate(0, 3, 0)))
	lifeWrite(t, s, life(2, ledger.StateGiven, at.AddDate(0, 3, 0)))
	for subject, want := range map[byte]int{1: 3, 2: 2} {
		states := lifeStates(t, s, subject)
		if len(states) != want || states[want-1] != "renewed" {
			t.Errorf("entries of %d: %v", subject, states)
		}
	}
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceGiven || h.Until != 0 {
		t.Errorf("held: %+v", h)
	}
}

// contractTheClockEndsOneGrant: the clock ends the grant that it names, whatever end
// that has of its own, and never one that was given since.
func contractTheClockEndsOneGrant(t *testing.T, cfg Config) {
	t.Helper()
	s := lifeStore(t, cfg)
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	over := life(1, ledger.StateExpired, at.AddDate(1, 0, 0))
	over.Channel, over.Type = ledger.ChannelClock, ledger.EventImplied
	long := life(1, ledger.StateGiven, at)
	long.Until = at.AddDate(5, 0, 0)
	lifeWrite(t, s, long)
	lifeWrite(t, s, over) // names none: the grant's own end counts
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceGiven {
		t.Errorf("ended before its own end: %v", h.Choice)
	}
	seen, err := s.Lapsing(t.Context(), "shop", "analytics", over.At, over.At, event.Handle{}, 10)
	if err != nil || len(seen) != 1 || !seen[0].Until.Equal(long.Until) {
		t.Fatalf("%d found, %v", len(seen), err)
	}
	over.Ends = seen[0].Sequence
	lifeWrite(t, s, life(1, ledger.StateGiven, at.AddDate(1, 0, 0))) // meanwhile, without an end
	lifeWrite(t, s, over)
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceGiven {
		t.Errorf("what was given since was ended: %v", h.Choice)
	}
	over.Ends, over.At = event.Sequence(2), at.AddDate(2, 0, 0)
	lifeWrite(t, s, over)
	lifeWrite(t, s, over)
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceUnset {
		t.Errorf("the grant that was named holds: %v", h.Choice)
	}
	if got := lifeStates(t, s, 1); !slices.Equal(got, []string{"given", "renewed", "expired"}) {
		t.Errorf("entries: %v", got)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
	wrong := life(2, ledger.StateGiven, at)
	wrong.Ends = 1
	if _, err := s.Append(t.Context(), wrong); !errors.Is(err, ledger.ErrEntry) {
		t.Errorf("a grant that ends a grant: %v", err)
	}
}

// contractThePastUndoesNothing: what a file says of the past never undoes what
// was said later, and of two at the same time the refusal stays.
func contractThePastUndoesNothing(t *testing.T, cfg Config) {
	t.Helper()
	s := lifeStore(t, cfg)
	at := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	imported := func(subject byte, state ledger.State, at time.Time) ledger.Entry {
		e := life(subject, state, at)
		e.Channel = ledger.ChannelImport
		return e
	}
	lifeWrite(t, s, life(1, ledger.StateWithdrawn, at))
	lifeWrite(t, s, imported(1, ledger.StateGiven, at.AddDate(0, -1, 0)))
	lifeWrite(t, s, imported(1, ledger.StateGiven, at))
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceWithdrawn {
		t.Errorf("an older grant undid a withdrawal: %v", h.Choice)
	}
	if n := len(lifeStates(t, s, 1)); n != 3 {
		t.Errorf("%d entries on record", n)
	}
	lifeWrite(t, s, imported(1, ledger.StateGiven, at.AddDate(0, 1, 0)))
	if h := lifeHeld(t, s, 1); h.Choice != consent.ChoiceGiven {
		t.Errorf("a later grant was passed over: %v", h.Choice)
	}
	lifeWrite(t, s, life(2, ledger.StateGiven, at))
	lifeWrite(t, s, imported(2, ledger.StateWithdrawn, at.AddDate(0, -1, 0)))
	if h := lifeHeld(t, s, 2); h.Choice != consent.ChoiceGiven {
		t.Errorf("an older withdrawal undid a grant: %v", h.Choice)
	}
}
