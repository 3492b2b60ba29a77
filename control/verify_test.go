package control

import (
	"errors"
	"testing"

	"zgoda/control/ledger"
	"zgoda/event"
)

// alterations are ways to falsify a ledger of five entries, and the first entry
// that must be named.
var alterations = []struct {
	name string
	sql  []string
	bad  event.Sequence
	why  string
}{
	{"alter a purpose", []string{`UPDATE ledger SET purpose = 'profiling' WHERE sequence = 3`}, 3, WhyHash},
	{"alter a state", []string{`UPDATE ledger SET state = 'given' WHERE sequence = 2`}, 2, WhyHash},
	{"alter a state to none", []string{`UPDATE ledger SET state = 'nonsense' WHERE sequence = 2`}, 2, WhyDamaged},
	{"alter a time", []string{`UPDATE ledger SET at_micros = at_micros + 1 WHERE sequence = 4`}, 4, WhyHash},
	{"alter a signal", []string{`UPDATE ledger SET gpc = 1 WHERE sequence = 1`}, 1, WhyHash},
	{"alter the first of two", []string{`UPDATE ledger SET locale = 'en' WHERE sequence = 2`, `UPDATE ledger SET previous = x'00' WHERE sequence = 4`}, 2, WhyHash},
	{"alter a reason", []string{`UPDATE part SET value = 'other' WHERE sequence = 2 AND part = 5`}, 2, WhyPart},
	{"alter a salt", []string{`UPDATE part SET salt = zeroblob(32) WHERE sequence = 2 AND part = 4`}, 2, WhyPart},
	{"shorten a salt", []string{`UPDATE part SET salt = zeroblob(3) WHERE sequence = 2 AND part = 4`}, 2, WhyPart},
	{"give another person's entry", []string{`UPDATE part SET value = (SELECT value FROM part WHERE sequence = 1 AND part = 1) WHERE sequence = 2 AND part = 1`}, 2, WhyPart},
	{"add a part", []string{`INSERT INTO part (sequence, part, salt, value) VALUES (3, 3, zeroblob(32), 'x')`}, 3, WhyPart},
	{"drop one", []string{`DELETE FROM ledger WHERE sequence = 3`}, 3, WhyMissing},
	{"drop the first", []string{`DELETE FROM ledger WHERE sequence = 1`}, 1, WhyMissing},
	{"drop and close the gap", []string{`DELETE FROM ledger WHERE sequence = 3`, `UPDATE ledger SET sequence = 3 WHERE sequence = 4`, `UPDATE ledger SET sequence = 4 WHERE sequence = 5`}, 3, WhyPrevious},
	{"reorder", []string{`UPDATE ledger SET sequence = 99 WHERE sequence = 2`, `UPDATE ledger SET sequence = 2 WHERE sequence = 3`, `UPDATE ledger SET sequence = 3 WHERE sequence = 99`}, 2, WhyPrevious},
	{"truncate the tail", []string{`DELETE FROM ledger WHERE sequence > 3`}, 4, WhyMissing},
	{"truncate all", []string{`DELETE FROM ledger`}, 1, WhyMissing},
	{"add at the end", []string{`UPDATE head SET sequence = 4`}, 5, WhyHead},
	{"alter the head", []string{`UPDATE head SET hash = zeroblob(32)`}, 5, WhyHead},
}

func TestVerifyNamesTheFirstBadEntry(t *testing.T) {
	for _, c := range alterations {
		t.Run(c.name, func(t *testing.T) {
			s := five(t)
			if head, err := s.Verify(t.Context()); err != nil || head.Sequence != 5 {
				t.Fatalf("the ledger is bad before: %v", err)
			}
			for _, q := range c.sql {
				if _, err := s.write.ExecContext(t.Context(), q); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.Verify(t.Context())
			var bad *BadEntryError
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
func five(t *testing.T) *Store {
	t.Helper()
	s := open(t, config(t))
	for i := range 5 {
		state, purpose := ledger.StateRefused, event.PurposeID("analytics")
		if i == 4 {
			state, purpose = ledger.StateProfilingOff, ""
		}
		appendAll(t, s, entry(handle(byte(i+1)), state, purpose))
	}
	return s
}

func TestVerifyAfterErasure(t *testing.T) {
	s := five(t)
	for _, q := range []string{
		`DELETE FROM part WHERE sequence = 2`,
		`DELETE FROM part WHERE sequence = 4 AND part = 5`,
	} {
		if _, err := s.write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
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

func TestVerifyAgainstAnchors(t *testing.T) {
	s := five(t)
	noted, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, entry(handle(1), ledger.StateGiven, "analytics"))
	if _, err := s.Verify(t.Context(), noted); err != nil {
		t.Errorf("an anchor on the chain: %v", err)
	}
	var bad *BadEntryError
	if _, err := s.Verify(t.Context(), Head{Sequence: 5, Hash: [32]byte{1}}); !errors.As(err, &bad) || bad.Sequence != 5 || bad.Why != WhyAnchor {
		t.Errorf("a rewritten chain: %v", err)
	}
	// Whoever cuts the tail and mends the head is seen by what was noted elsewhere.
	last, err := s.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, q := range []string{
		`DELETE FROM ledger WHERE sequence > 4`,
		`UPDATE head SET sequence = 4, hash = (SELECT hash FROM ledger WHERE sequence = 4)`,
	} {
		if _, err := s.write.ExecContext(t.Context(), q); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.Verify(t.Context()); err != nil {
		t.Fatalf("without anchors this cannot be seen: %v", err)
	}
	if _, err := s.Verify(t.Context(), noted, last); !errors.As(err, &bad) || bad.Sequence != 5 || bad.Why != WhyMissing {
		t.Errorf("a cut tail: %v", err)
	}
}

func TestVerifyLongLedger(t *testing.T) {
	s := open(t, config(t))
	entries := make([]ledger.Entry, 100)
	for i := range entries {
		entries[i] = entry(handle(byte(i)), ledger.StateGiven, "analytics")
	}
	for range 25 {
		appendAll(t, s, entries...)
	}
	if head, err := s.Verify(t.Context()); err != nil || head.Sequence != 2500 {
		t.Fatalf("head %d, %v", head.Sequence, err)
	}
	if _, err := s.write.ExecContext(t.Context(), `UPDATE ledger SET surface = 'x' WHERE sequence = 2100`); err != nil {
		t.Fatal(err)
	}
	var bad *BadEntryError
	if _, err := s.Verify(t.Context()); !errors.As(err, &bad) || bad.Sequence != 2100 {
		t.Errorf("got %v", err)
	}
}
