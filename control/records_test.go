package control

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"slices"
	"testing"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// TestRecordsOfAnyNumber: however many are asked for, and however often the same
// one, each is answered for as if it had been asked for alone.
func contractRecordsOfAnyNumber(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	person := func(n int) (h event.Handle) {
		binary.BigEndian.PutUint32(h[:], uint32(n)*0x9e3779b9)
		h[15] = 1
		return h
	}
	var entries []ledger.Entry
	for n := range 60 {
		entries = append(entries, entry(person(n*10), ledger.StateRefused, "profiling"), tie(ledger.StateLinked, person(n*10), person(n*10+1)))
	}
	appendAll(t, s, entries...)
	for _, many := range []int{1, 2, 4, 5, 16, 17, 64, 65, 256, 257, 600} {
		lookups, out := make([]Lookup, 0, many), make([]Found, many)
		for i := range many {
			lookups = append(lookups, Lookup{policy, person(i * 7 % 500)})
		}
		seq, err := s.Records(t.Context(), lookups, out)
		if err != nil || seq != 120 {
			t.Fatalf("%d: sequence %d, %v", many, seq, err)
		}
		for i := range lookups {
			n := i * 7 % 500
			var contacts []event.Handle
			want := consent.ChoiceUnset
			if n%10 <= 1 {
				want = consent.ChoiceRefused
			}
			if n%10 == 1 {
				contacts = []event.Handle{person(n - 1)}
			}
			if out[i].Record.Purposes[7].Choice != want || !slices.Equal(out[i].Contacts, contacts) || out[i].Record.Sequence != seq {
				t.Fatalf("%d of %d: %v, %d contacts", i, many, out[i].Record.Purposes[7].Choice, len(out[i].Contacts))
			}
		}
	}
}

// TestReaderIsGivenUpAfterAnError: a question that failed leaves no transaction
// behind in which the next one would see an old state.
func TestReaderIsGivenUpAfterAnError(t *testing.T) {
	s := open(t, config(t))
	failed := errors.New("failed")
	err := file(t, s).readers.use(t.Context(), func(r *reader) error {
		return r.snapshot(t.Context(), func(event.Sequence) error { return failed })
	})
	if !errors.Is(err, failed) {
		t.Fatal(err)
	}
	appendAll(t, s, entry(handle(1), ledger.StateRefused, "profiling"))
	if f := found(t, s, Lookup{Handle: handle(1)}); f.Record.Purposes[7].Choice != consent.ChoiceRefused {
		t.Error("an old state was read")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Records(ctx, []Lookup{{policy, handle(1)}}, make([]Found, 1)); !errors.Is(err, context.Canceled) {
		t.Errorf("a caller that has gone: %v", err)
	}
}

// TestDamagedRowsAreErrors: a value of the wrong shape is not taken for nothing
// having been said.
func TestDamagedRowsAreErrors(t *testing.T) {
	for _, damage := range []string{
		`UPDATE choice SET choice = 'x'`, `UPDATE choice SET choice = 300`, `UPDATE choice SET purpose = x'00'`,
		`UPDATE choice SET gpc = 2`, `UPDATE choice SET adpc = 2`, `UPDATE choice SET version = -1`, `UPDATE head SET sequence = -1`, `DELETE FROM head`,
	} {
		s := open(t, config(t))
		h := handle(1)
		appendAll(t, s, entry(h, ledger.StateGiven, "profiling"))
		if _, err := file(t, s).write.ExecContext(t.Context(), damage); err != nil {
			t.Fatal(err)
		}
		if _, err := s.Records(t.Context(), []Lookup{{policy, h}}, make([]Found, 1)); err == nil {
			t.Errorf("after %s it was answered", damage)
		}
	}
}

// TestRecordsAfterClose says so.
func contractRecordsAfterClose(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	found(t, s, Lookup{Handle: handle(1)})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Records(t.Context(), []Lookup{{policy, handle(1)}}, make([]Found, 1)); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v", err)
	}
}

func TestEachOnce(t *testing.T) {
	hs := each([]event.Handle{handle(3), handle(1), handle(3), handle(2), handle(1)})
	if len(hs) != 3 || !slices.IsSortedFunc(hs, func(a, b event.Handle) int { return bytes.Compare(a[:], b[:]) }) {
		t.Errorf("%d handles", len(hs))
	}
}
