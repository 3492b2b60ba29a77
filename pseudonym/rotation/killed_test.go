package rotation

import (
	"errors"
	"fmt"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// TestKilledAnywhere: each rotation, killed before each of its steps, comes to
// the same end at the next start, and nobody is lost.
func TestKilledAnywhere(t *testing.T) {
	const people = 7
	for _, test := range []struct {
		key     keyring.Key
		options Options
		ended   func(h *holder) bool
	}{
		{Slot, Options{}, func(h *holder) bool { return h.ring.Slots().Current() >= 2 && h.count(Slot, keyring.StateOld) == 0 }},
		{Link, Options{}, func(h *holder) bool { return h.count(Link, keyring.StateKept) >= 1 && !h.ring.Carrying(Link) }},
		{Profiling, Options{Cut: true}, func(h *holder) bool {
			return h.count(Profiling, keyring.StateDestroyed) >= 1 && !h.ring.Carrying(Profiling)
		}},
		{Gate, Options{}, func(h *holder) bool { return len(h.ring.Gateway().Gate) == 2 }},
		{KEK, Options{}, func(h *holder) bool { return h.ring.KEK() == "file:" }},
	} {
		t.Run(string(test.key), func(t *testing.T) {
			for n := 0; ; n++ {
				h := newHolder(t)
				h.batch = 3
				h.must(h.open())
				h.mint(0, people)
				h.must(h.rotator.Work(t.Context()))
				before := h.all(people)
				left := n
				h.step = func() error {
					if left--; left < 0 {
						return errKilled
					}
					return nil
				}
				err := h.rotator.Start(t.Context(), test.key, test.options)
				if err == nil {
					err = h.rotator.Work(t.Context())
				}
				h.step = nil
				h.reopen()
				if err != nil && !errors.Is(err, errKilled) {
					t.Fatal(err)
				}
				h.must(h.rotator.Work(t.Context()))
				if !test.ended(h) { // killed before it had begun
					h.must(h.rotator.Start(t.Context(), test.key, test.options))
					h.must(h.rotator.Work(t.Context()))
				}
				check(t, h, before, test.key, fmt.Sprintf("killed at step %d", n))
				if !test.ended(h) {
					t.Fatalf("killed at step %d: %v", n, h.states(test.key))
				}
				h.close()
				if err == nil {
					t.Logf("%d steps", n)
					if n < 3 {
						t.Fatalf("only %d steps", n)
					}
					return
				}
			}
		})
	}
}

var errKilled = errors.New("killed")

// check compares contacts before and after, but for what the rotation is there
// to change.
func check(t *testing.T, h *holder, before []event.Handles, key keyring.Key, when string) {
	t.Helper()
	unfinished, err := h.ring.Unfinished(t.Context())
	if err != nil || unfinished {
		t.Fatalf("%s: unfinished %v, %v", when, unfinished, err)
	}
	for n, got := range h.all(len(before)) {
		want := before[n]
		if key == Profiling {
			want.Profiling, want.Version = got.Profiling, got.Version
		}
		if got != want {
			t.Fatalf("%s: contact %d changed", when, n)
		}
	}
}
