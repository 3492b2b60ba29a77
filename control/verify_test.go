package control

import (
	"errors"
	"testing"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// alterations are ways to falsify a ledger of five entries, and the first entry
// that must be named. They are in SQLite's words.
var alterations = []struct {
	name string
	sql  []string
	bad  event.Sequence
	why  string
}{
	{"alter a purpose", []string{`UPDATE ledger SET purpose = 'profiling' WHERE sequence = 3`}, 3, ledger.WhyHash},
	{"alter a state", []string{`UPDATE ledger SET state = 'given' WHERE sequence = 2`}, 2, ledger.WhyHash},
	{"alter a state to none", []string{`UPDATE ledger SET state = 'nonsense' WHERE sequence = 2`}, 2, ledger.WhyDamaged},
	{"alter a time", []string{`UPDATE ledger SET at_micros = at_micros + 1 WHERE sequence = 4`}, 4, ledger.WhyHash},
	{"alter an end", []string{`UPDATE ledger SET until_micros = 9 WHERE sequence = 4`}, 4, ledger.WhyHash},
	{"alter a signal", []string{`UPDATE ledger SET gpc = TRUE WHERE sequence = 1`}, 1, ledger.WhyHash},
	{"alter the first of two", []string{`UPDATE ledger SET locale = 'en' WHERE sequence = 2`, `UPDATE ledger SET previous = x'00' WHERE sequence = 4`}, 2, ledger.WhyHash},
	{"alter a reason", []string{`UPDATE parts SET reason = zeroblob(40) WHERE sequence = 2`}, 2, ledger.WhyPart},
	{"alter a salt", []string{`UPDATE parts SET subject_salt = zeroblob(32) WHERE sequence = 2`}, 2, ledger.WhyPart},
	{"shorten a salt", []string{`UPDATE parts SET subject_salt = zeroblob(3) WHERE sequence = 2`}, 2, ledger.WhyPart},
	{"give another person's entry", []string{`UPDATE parts SET subject = (SELECT subject FROM parts WHERE sequence = 1) WHERE sequence = 2`}, 2, ledger.WhyPart},
	{"add a part", []string{`UPDATE parts SET raw_signal = zeroblob(40) WHERE sequence = 3`}, 3, ledger.WhyPart},
	{"a part that is none", []string{`UPDATE parts SET raw_signal = zeroblob(4) WHERE sequence = 3`}, 3, ledger.WhyDamaged},
	{"drop one", []string{`DELETE FROM ledger WHERE sequence = 3`}, 3, ledger.WhyMissing},
	{"drop the first", []string{`DELETE FROM ledger WHERE sequence = 1`}, 1, ledger.WhyMissing},
	{"drop and close the gap", []string{
		`DELETE FROM ledger WHERE sequence = 3`, `UPDATE ledger SET sequence = 3, number = 3 WHERE sequence = 4`,
		`UPDATE ledger SET sequence = 4, number = 4 WHERE sequence = 5`,
	}, 3, ledger.WhyPrevious},
	{"reorder", []string{
		`UPDATE ledger SET sequence = 99 WHERE sequence = 2`, `UPDATE ledger SET sequence = 2, number = 2 WHERE sequence = 3`,
		`UPDATE ledger SET sequence = 3, number = 3 WHERE sequence = 99`,
	}, 2, ledger.WhyPrevious},
	{"give it to another writer", []string{`UPDATE ledger SET writer = 'other', number = 1 WHERE sequence = 2`}, 2, ledger.WhyPrevious},
	{"truncate the tail", []string{`DELETE FROM ledger WHERE sequence > 3`}, 4, ledger.WhyMissing},
	{"truncate all", []string{`DELETE FROM ledger`}, 1, ledger.WhyMissing},
	{"add at the end", []string{`UPDATE head SET sequence = 4`}, 5, ledger.WhyHead},
	{"alter the head", []string{`UPDATE writer SET hash = zeroblob(32)`}, 5, ledger.WhyHead},
	{"add a writer", []string{`INSERT INTO writer VALUES ('other', 1, 1, zeroblob(32))`}, 5, ledger.WhyHead},
}

func contractVerifyNamesTheFirstBadEntry(t *testing.T, cfg Config) {
	t.Helper()
	for _, c := range alterations {
		t.Run(c.name, func(t *testing.T) {
			s := five(t, another(t, cfg))
			if heads, err := s.Verify(t.Context()); err != nil || heads[0].Sequence != 5 {
				t.Fatalf("the ledger is bad before: %v", err)
			}
			for _, q := range c.sql {
				say(t, s, q)
			}
			_, err := s.Verify(t.Context())
			var bad *ledger.BadEntryError
			if !errors.As(err, &bad) {
				t.Fatalf("it verifies: %v", err)
			}
			if bad.Sequence != c.bad || bad.Why != c.why {
				t.Errorf("got %v, want entry %d %s", bad, c.bad, c.why)
			}
		})
	}
}

// five is a ledger of five entries of several people.
func five(t *testing.T, cfg Config) *Store {
	t.Helper()
	s := open(t, cfg)
	for i := range 5 {
		state, purpose := ledger.StateRefused, event.PurposeID("analytics")
		if i == 4 {
			state, purpose = ledger.StateProfilingOff, ""
		}
		appendAll(t, s, entry(handle(byte(i+1)), state, purpose))
	}
	return s
}

func contractVerifyAfterErasure(t *testing.T, cfg Config) {
	t.Helper()
	s := five(t, cfg)
	for _, q := range []string{
		`DELETE FROM parts WHERE sequence = 2`,
		`UPDATE parts SET reason = NULL WHERE sequence = 4`,
	} {
		say(t, s, q)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Errorf("erasing parts broke the chain: %v", err)
	}
	if got, err := s.History(t.Context(), site, handle(2), 10); err != nil || len(got) != 0 {
		t.Errorf("the erased subject has a history: %v", err)
	}
	if got, err := s.History(t.Context(), site, handle(4), 10); err != nil || len(got) != 1 || got[0].Reason != "" || got[0].Actor != "ana" {
		t.Errorf("one part was erased, the others not: %v", err)
	}
	appendAll(t, s, entry(handle(9), ledger.StateGiven, "analytics"))
	if _, err := s.Verify(t.Context()); err != nil {
		t.Error(err)
	}
}

func contractVerifyAgainstAnchors(t *testing.T, cfg Config) {
	t.Helper()
	s := five(t, cfg)
	noted, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, entry(handle(1), ledger.StateGiven, "analytics"))
	if _, err := s.Verify(t.Context(), noted); err != nil {
		t.Errorf("an anchor on the chain: %v", err)
	}
	var bad *ledger.BadEntryError
	if _, err := s.Verify(t.Context(), ledger.Head{Writer: cfg.Node, Number: 5, Sequence: 5, Hash: [32]byte{1}}); !errors.As(err, &bad) || bad.Sequence != 5 || bad.Why != ledger.WhyAnchor {
		t.Errorf("a rewritten chain: %v", err)
	}
	// Whoever cuts the tail and mends the head is seen by what was noted elsewhere.
	last, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`DELETE FROM ledger WHERE sequence > 4`,
		`UPDATE head SET sequence = 4`, `UPDATE writer SET number = 4, sequence = 4, hash = (SELECT hash FROM ledger WHERE sequence = 4)`,
	} {
		say(t, s, q)
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Fatalf("without anchors this cannot be seen: %v", err)
	}
	if _, err := s.Verify(t.Context(), noted, last); !errors.As(err, &bad) || bad.Number != 5 || bad.Why != ledger.WhyMissing {
		t.Errorf("a cut tail: %v", err)
	}
}

func contractVerifyLongLedger(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	entries := make([]ledger.Entry, 100)
	for i := range entries {
		entries[i] = entry(handle(byte(i)), ledger.StateGiven, "analytics")
	}
	for range 25 {
		appendAll(t, s, entries...)
	}
	if heads, err := s.Verify(t.Context()); err != nil || heads[0].Sequence != 2500 {
		t.Fatalf("heads %v, %v", heads, err)
	}
	say(t, s, `UPDATE ledger SET surface = 'x' WHERE sequence = 2100`)
	var bad *ledger.BadEntryError
	if _, err := s.Verify(t.Context()); !errors.As(err, &bad) || bad.Sequence != 2100 {
		t.Errorf("got %v", err)
	}
}

// contractVerifySince: from a noted entry on, what comes behind is held against it, and
// an entry that is gone, altered or another one is found.
func contractVerifySince(t *testing.T, cfg Config) {
	t.Helper()
	noted := func(t *testing.T, s *Store, number ledger.Number) (h ledger.Head) {
		t.Helper()
		for e, err := range s.Entries(t.Context(), 0) {
			if err != nil {
				t.Fatal(err)
			}
			if e.Number == number {
				h = ledger.Head{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}
			}
		}
		return h
	}
	t.Run("whole", func(t *testing.T) {
		s := five(t, another(t, cfg))
		for _, from := range []ledger.Number{0, 1, 3, 5} {
			if head, err := s.VerifySince(t.Context(), noted(t, s, from)); err != nil || head.Number != 5 {
				t.Errorf("from %d: %+v, %v", from, head, err)
			}
		}
		ahead := noted(t, s, 5)
		ahead.Number, ahead.Sequence = 6, 6
		if _, err := s.VerifySince(t.Context(), ahead); err == nil {
			t.Error("the end was cut off, and nobody noticed")
		}
	})
	for _, c := range []struct{ name, sql, why string }{
		{"behind it altered", `UPDATE ledger SET at_micros = at_micros + 1 WHERE sequence = 4`, ledger.WhyHash},
		{"itself altered", `UPDATE ledger SET state = 'given' WHERE sequence = 3`, ledger.WhyHash},
		{"itself another", `UPDATE ledger SET hash = zeroblob(32) WHERE sequence = 3`, ledger.WhyAnchor},
		{"behind it dropped", `DELETE FROM ledger WHERE sequence = 4`, ledger.WhyMissing},
		{"the end dropped", `DELETE FROM ledger WHERE sequence > 3`, ledger.WhyMissing},
		{"the head altered", `UPDATE writer SET hash = zeroblob(32)`, ledger.WhyHead},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := five(t, another(t, cfg))
			from := noted(t, s, 3)
			say(t, s, c.sql)
			_, err := s.VerifySince(t.Context(), from)
			if bad, ok := errors.AsType[*ledger.BadEntryError](err); !ok || bad.Why != c.why {
				t.Errorf("%v", err)
			}
		})
	}
}

// contractStrangers: a store has our tables alone, and another one is named. Every
// name in the list is a table's.
func contractStrangers(t *testing.T, cfg Config) {
	t.Helper()
	s := five(t, another(t, cfg))
	if names, err := s.Strangers(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("%q, %v", names, err)
	}
	for _, name := range tables {
		say(t, s, "SELECT count(*) FROM "+name)
	}
	say(t, s, "CREATE TABLE people_copy (subject TEXT)")
	if names, err := s.Strangers(t.Context()); err != nil || len(names) != 1 || names[0] != "people_copy" {
		t.Errorf("%q, %v", names, err)
	}
	if at, err := s.Clock(t.Context()); err != nil || time.Since(at).Abs() > time.Minute {
		t.Errorf("the clock says %s, %v", at, err)
	}
}
