package control

import (
	"bytes"
	"database/sql"
	"errors"
	"slices"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

func tie(state ledger.State, subject, linked event.Handle) ledger.Entry {
	return ledger.Entry{
		Site: site, Subject: subject, Linked: linked, State: state, Type: ledger.EventImplied,
		Channel: ledger.ChannelEvent, At: time.Date(2026, 11, 22, 1, 2, 3, 0, time.UTC),
	}
}

func sorted(handles ...event.Handle) []event.Handle {
	out := slices.Clone(handles)
	slices.SortFunc(out, func(a, b event.Handle) int { return bytes.Compare(a[:], b[:]) })
	return slices.Compact(out)
}

// TestI2ConflictCarriesRefusals: after two known contacts have met, whatever
// refuses for one refuses for the other and for the visitors of both; grants
// stay where they are, and a change names everyone whose record it changes.
func contractI2ConflictCarriesRefusals(t *testing.T, cfg Config) {
	t.Helper()
	a, b, c, ofA, ofB, ofC := handle(1), handle(2), handle(3), handle(11), handle(12), handle(13)
	people := []event.Handle{a, b, c, ofA, ofB, ofC}
	reached := map[event.Handle][]event.Handle{
		a: sorted(a, b, ofA, ofB), b: sorted(a, b, c, ofA, ofB, ofC), c: sorted(b, c, ofB, ofC),
		ofA: {ofA}, ofB: {ofB}, ofC: {ofC},
	}
	for name, says := range map[string]struct {
		change  ledger.Entry
		refuses func(f *Found) bool
	}{
		"the switch":  {entry(event.Handle{}, ledger.StateProfilingOff, ""), func(f *Found) bool { return f.Record.ProfilingOff }},
		"a refusal":   {entry(event.Handle{}, ledger.StateRefused, "analytics"), func(f *Found) bool { return f.Refuses && f.Record.Purposes[3].Choice.Refuses() }},
		"restriction": {entry(event.Handle{}, ledger.StateRestricted, ""), func(f *Found) bool { return f.Record.State == consent.StateRestricted }},
		"erasure":     {entry(event.Handle{}, ledger.StateErased, ""), func(f *Found) bool { return f.Record.State == consent.StateErased }},
	} {
		for _, who := range people {
			s := open(t, another(t, cfg))
			appendAll(t, s, tie(ledger.StateLinked, a, ofA), tie(ledger.StateLinked, b, ofB), tie(ledger.StateLinked, c, ofC))
			got := appendAll(t, s, tie(ledger.StateConflict, a, b))
			if want := sorted(a, b, ofA, ofB); !slices.Equal(sorted(got.Affected...), want) || got.Everyone {
				t.Fatal("a conflict affects both contacts and their visitors")
			}
			appendAll(t, s, tie(ledger.StateConflict, c, b), entry(b, ledger.StateGiven, "profiling"))
			for _, p := range people {
				if given := found(t, s, Lookup{Handle: p}).Record.Purposes[7].Choice == consent.ChoiceGiven; given != (p == b) {
					t.Fatal("a grant went over a conflict")
				}
			}
			change := says.change
			change.Subject = who
			if got := appendAll(t, s, change); !slices.Equal(sorted(got.Affected...), reached[who]) {
				t.Errorf("%s: %d affected, want %d", name, len(sorted(got.Affected...)), len(reached[who]))
			}
			for i, p := range people {
				f := found(t, s, Lookup{Handle: p})
				if says.refuses(&f) != slices.Contains(reached[who], p) {
					t.Errorf("%s of %v: for person %d it is %v", name, slices.Index(people, who), i, says.refuses(&f))
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func contractConflictIsWrittenOnce(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	first := appendAll(t, s, tie(ledger.StateConflict, handle(1), handle(2)))
	again := appendAll(t, s, tie(ledger.StateConflict, handle(2), handle(1)))
	if first.Sequence != 1 || again.Sequence != 1 || s.Sequence() != 1 {
		t.Error("a conflict has no direction, and is written once")
	}
	for h, other := range map[event.Handle]event.Handle{handle(1): handle(2), handle(2): handle(1)} {
		if got := found(t, s, Lookup{Handle: h}).Contacts; !slices.Equal(got, []event.Handle{other}) {
			t.Error("a conflict is not told")
		}
	}
	if f := found(t, s, Lookup{Handle: handle(1), Policy: &consent.Policy{Site: "other"}}); f.Contacts != nil {
		t.Error("another site sees the conflict")
	}
	got, err := s.History(t.Context(), site, handle(1), 10)
	if err != nil || len(got) != 1 || got[0].State != ledger.StateConflict || got[0].Linked != handle(2) {
		t.Errorf("history: %v", err)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestOneChangeOfTwoConflictingContacts: the second subject of a change was
// reached through the first, and still reaches further.
func contractOneChangeOfTwoConflictingContacts(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	a, b, c := handle(1), handle(2), handle(3)
	appendAll(t, s, tie(ledger.StateConflict, a, b), tie(ledger.StateConflict, b, c))
	got := appendAll(t, s, entry(a, ledger.StateProfilingOff, ""), entry(b, ledger.StateProfilingOff, ""))
	if !slices.Equal(sorted(got.Affected...), sorted(a, b, c)) {
		t.Errorf("%d affected", len(sorted(got.Affected...)))
	}
}

func contractManyTiesAreBounded(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	shared := handle(1)
	fill := func(from, to int) {
		t.Helper()
		for ; from < to; from += 200 {
			var entries []ledger.Entry
			for i := from; i < min(from+200, to); i++ {
				entries = append(entries, tie(ledger.StateConflict, shared, event.Handle{1: byte(i), 2: byte(i >> 8), 15: 9}))
			}
			appendAll(t, s, entries...)
		}
	}
	fill(0, MaxTies)
	if got := found(t, s, Lookup{Handle: shared}); got.Record.State != consent.StateActive || len(got.Contacts) != MaxTies {
		t.Errorf("at the limit: %v, %d contacts", got.Record.State, len(got.Contacts))
	}
	fill(MaxTies, MaxTies+1)
	if got := found(t, s, Lookup{Handle: shared}); got.Record.State != consent.StateRestricted {
		t.Error("beyond the limit some refusals are not looked at, and nothing is denied")
	}
	fill(MaxTies+1, MaxAffected-1)
	if c := appendAll(t, s, entry(shared, ledger.StateProfilingOff, "")); c.Everyone || len(c.Affected) != MaxAffected {
		t.Errorf("%d affected, everyone is %v", len(c.Affected), c.Everyone)
	}
	fill(MaxAffected-1, MaxAffected)
	if c := appendAll(t, s, entry(shared, ledger.StateProfilingOn, "")); !c.Everyone || c.Affected != nil {
		t.Errorf("%d affected, everyone is %v", len(c.Affected), c.Everyone)
	}
}

// TestCommitOfUnknownOutcome: a commit that failed says what it was to change
// unless it surely changed nothing.
func TestCommitOfUnknownOutcome(t *testing.T) {
	fault := errors.New("disk")
	contact, visitor := handle(1), handle(2)
	for name, c := range map[string]struct {
		fail    func(s *Store) func(*sql.Tx) error
		unknown bool
		written event.Sequence
	}{
		"nothing was written": {func(*Store) func(*sql.Tx) error {
			return func(*sql.Tx) error { return fault }
		}, false, 1},
		"it was written": {func(*Store) func(*sql.Tx) error {
			return func(tx *sql.Tx) error { return errors.Join(tx.Commit(), fault) }
		}, true, 2},
		"it cannot be read": {func(s *Store) func(*sql.Tx) error {
			return func(tx *sql.Tx) error { return errors.Join(tx.Commit(), s.db.plain().Close(), fault) }
		}, true, 2},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config(t)
			s := open(t, cfg)
			appendAll(t, s, tie(ledger.StateLinked, contact, visitor))
			file(t, s).commitTx = c.fail(s)
			change, err := s.Append(t.Context(), entry(contact, ledger.StateProfilingOff, ""))
			if !errors.Is(err, fault) || errors.Is(err, ErrUnknown) != c.unknown {
				t.Fatalf("got %v", err)
			}
			if got := len(change.Affected) == 2 && change.Sequence == 2; got != c.unknown {
				t.Errorf("%d affected at %d", len(change.Affected), change.Sequence)
			}
			file(t, s).commitTx = (*sql.Tx).Commit
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			s = open(t, cfg)
			if heads, err := s.Verify(t.Context()); err != nil || heads[0].Sequence != c.written {
				t.Errorf("%v, %v", heads, err)
			}
		})
	}
}

func TestAppendGoesOnAfterAFailedCommit(t *testing.T) {
	s := open(t, config(t))
	file(t, s).commitTx = func(*sql.Tx) error { return errors.New("disk") }
	if _, err := s.Append(t.Context(), entry(handle(1), ledger.StateProfilingOff, "")); err == nil {
		t.Fatal("the fault was not injected")
	}
	file(t, s).commitTx = (*sql.Tx).Commit
	if c := appendAll(t, s, entry(handle(1), ledger.StateProfilingOff, "")); c.Sequence != 1 {
		t.Errorf("sequence %d", c.Sequence)
	}
}
