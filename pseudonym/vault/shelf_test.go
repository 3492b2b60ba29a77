package vault

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/pseudonym/keyring"
)

func TestShelf(t *testing.T) {
	cfg := Config{Address: pgtest.Start(t).Database(t)}
	var shelves [2]*Shelf
	for i := range shelves {
		s, err := OpenShelf(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		shelves[i] = s
	}
	s, other := shelves[0], shelves[1]
	if _, _, err := s.Read(t.Context(), "slot.keyset"); !errors.Is(err, keyring.ErrNoKeyset) {
		t.Errorf("error %v", err)
	}
	first, err := s.Write(t.Context(), "slot.keyset", []byte("one"), 0)
	if err != nil || first == 0 {
		t.Fatal(err)
	}
	if _, err := other.Write(t.Context(), "slot.keyset", []byte("mine"), 0); !errors.Is(err, keyring.ErrRaced) {
		t.Errorf("made a keyset that is there: %v", err)
	}
	second, err := other.Write(t.Context(), "slot.keyset", []byte("two"), first)
	if err != nil || second == first {
		t.Fatal(err)
	}
	if _, err := s.Write(t.Context(), "slot.keyset", []byte("late"), first); !errors.Is(err, keyring.ErrRaced) {
		t.Errorf("wrote over another's: %v", err)
	}
	if got, revision, err := s.Read(t.Context(), "slot.keyset"); string(got) != "two" || revision != second || err != nil {
		t.Errorf("%q, %d, %v", got, revision, err)
	}
	if _, err := s.Write(t.Context(), "slot_2", []byte("x"), 0); err != nil {
		t.Fatal(err)
	}
	if names, err := s.Names(t.Context(), "slot_"); !slices.Equal(names, []string{"slot_2"}) || err != nil {
		t.Errorf("%v, %v", names, err)
	}
	for range 2 {
		if err := other.Destroy(t.Context(), "slot.keyset"); err != nil {
			t.Fatal(err)
		}
	}
	again, err := s.Write(t.Context(), "slot.keyset", []byte("three"), 0)
	if err != nil || again == first || again == second {
		t.Errorf("revision %d again, %v", again, err)
	}
	if _, err := OpenShelf(t.Context(), Config{Path: "x"}); err == nil {
		t.Error("a shelf in a file")
	}
}

// Of those who replace one revision at the same time one succeeds.
func TestShelfRace(t *testing.T) {
	s, err := OpenShelf(t.Context(), Config{Address: pgtest.Start(t).Database(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for _, instead := range []bool{false, true} {
		var revision keyring.Revision
		if instead {
			if _, revision, err = s.Read(t.Context(), "gate"); err != nil {
				t.Fatal(err)
			}
		}
		var won atomic.Int32
		var work sync.WaitGroup
		for i := range 6 {
			work.Go(func() {
				_, err := s.Write(context.Background(), "gate", []byte{byte(i)}, revision)
				switch {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, keyring.ErrRaced):
					t.Error(err)
				}
			})
		}
		work.Wait()
		if won.Load() != 1 {
			t.Errorf("%d won", won.Load())
		}
	}
}

// A leader whose connection answers wrongly leads by another one, and the first is
// gone with its lock.
func TestShelfLeadsByAnotherConnection(t *testing.T) {
	cfg := Config{Address: pgtest.Start(t).Database(t)}
	var shelves [2]*Shelf
	for i := range shelves {
		s, err := OpenShelf(t.Context(), cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		shelves[i] = s
	}
	leads := func(s *Shelf, want bool) {
		t.Helper()
		if got, err := s.Leads(t.Context()); got != want || err != nil {
			t.Fatalf("leads: %v, %v", got, err)
		}
	}
	process := func() (pid int) {
		t.Helper()
		if err := shelves[0].leader.QueryRowContext(t.Context(), "SELECT pg_backend_pid()").Scan(&pid); err != nil {
			t.Fatal(err)
		}
		return pid
	}
	leads(shelves[0], true)
	leads(shelves[0], true) // by the question that the next one repeats
	leads(shelves[1], false)
	first := process()
	if _, err := shelves[0].leader.ExecContext(t.Context(), "DEALLOCATE ALL"); err != nil { // the server forgets the question
		t.Fatal(err)
	}
	deadline := time.Now().Add(10 * time.Second)
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C { // the server ends a connection when it comes to it
		if got, err := shelves[0].Leads(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("leads: %v, %v", got, err)
		} else if got {
			break
		}
	}
	if process() == first {
		t.Error("the connection that answered wrongly is used on")
	}
	if err := shelves[0].Close(); err != nil {
		t.Fatal(err)
	}
	for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
		if got, err := shelves[1].Leads(t.Context()); err != nil || time.Now().After(deadline) {
			t.Fatalf("leads: %v, %v", got, err)
		} else if got {
			break
		}
	}
}
