package keyholder

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/pseudonym/rotation"
)

func (r *running) rotate(t *testing.T, what pseudonym.Rotation) (last pseudonym.Progress) {
	t.Helper()
	err := r.admin.Rotate(t.Context(), what, func(p pseudonym.Progress) { last = p })
	if err != nil {
		t.Fatalf("rotate %s: %v", what.Key, err)
	}
	return last
}

func (r *running) statusOf(t *testing.T) pseudonym.Status {
	t.Helper()
	s, err := r.admin.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func stateOf(s pseudonym.Status, key string) (states []string) {
	for _, k := range s.Keys {
		if k.Key == key {
			states = append(states, k.State)
		}
	}
	return states
}

// TestRotationsOverTheSocket: every rotation by the administrator's calls, with
// contacts that stay who they are, through a restart after each.
func TestRotationsOverTheSocket(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	people := []pseudonym.Query{contact(1, true), contact(2, true), contact(3, true)}
	before := resolve(t, k.Client, people...)
	restart := func() {
		if err := k.stop(); err != nil {
			t.Fatal(err)
		}
		k = start(t, dir, socket)
	}
	for _, key := range []string{"slot", "link", "kek"} {
		if last := k.rotate(t, pseudonym.Rotation{Key: key}); !last.Ended || last.Step != "done" {
			t.Errorf("%s ended with %+v", key, last)
		}
		restart()
		if got := resolve(t, k.Client, people...); !slices.Equal(got, before) {
			t.Errorf("%s: contacts changed", key)
		}
	}
	s := k.statusOf(t)
	if got := stateOf(s, "slot"); !slices.Equal(got, []string{"destroyed", "current"}) {
		t.Errorf("slot keys %q", got)
	}
	if got := stateOf(s, "link"); !slices.Equal(got, []string{"kept", "current"}) {
		t.Errorf("link keys %q", got)
	}
	if s.KEK != "file:" || s.Contacts != 3 || s.Identifiers != 3 || s.Rewrapped.IsZero() || s.Revision == 0 || s.Calls == 0 {
		t.Errorf("status %+v", s)
	}
	var ends int
	for _, e := range k.entriesOf(t) {
		if e.Role == "keyholder" && e.Act == "key destroyed" {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("%d ends of keys in the log, want 1", ends)
	}
}

// TestPurposeRotatesOverTheSocket: gateways hear of it, the map leads from every
// old pseudonym to the new one, and it ends when they are done.
func TestPurposeRotatesOverTheSocket(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	people := []pseudonym.Query{contact(1, true), contact(2, true)}
	before := resolve(t, k.Client, people...)
	heard, err := k.Attend(t.Context(), "gate-1", false)
	if err != nil || heard.Open || heard.Hold {
		t.Fatalf("%+v, %v", heard, err)
	}
	waiting, hangUp := context.WithCancel(t.Context())
	steps := make(chan pseudonym.Progress, 100)
	rotated := make(chan error, 1)
	go func() {
		rotated <- k.admin.Rotate(waiting, pseudonym.Rotation{Key: "purpose-profiling"}, func(p pseudonym.Progress) { steps <- p })
	}()
	for p := range steps {
		if strings.Contains(p.Step, "gateways rewrite") {
			break
		}
	}
	hangUp()
	if err := <-rotated; err == nil {
		t.Error("a call that was given up ended well")
	}
	if again, err := k.Attend(t.Context(), "gate-1", false); err != nil || !again.Open || again.Revision == heard.Revision {
		t.Errorf("%+v, %v", again, err)
	}
	after := resolve(t, k.Client, people...)
	mapped := map[event.Handle]event.Handle{}
	err = k.admin.PurposeMap(t.Context(), "purpose-profiling", func(m pseudonym.PurposeMap) error {
		for i := range m.Old {
			mapped[m.Old[i]] = m.New[i]
		}
		return nil
	})
	if err != nil || len(mapped) != 2 {
		t.Fatalf("%d pairs, %v", len(mapped), err)
	}
	for i := range people {
		if mapped[before[i].Profiling] != after[i].Profiling || after[i].Profiling == before[i].Profiling {
			t.Errorf("contact %d is not mapped", i)
		}
	}
	within(t, "a lease for the only gateway", func() error { // not before all gateways could be heard of
		held, _, err := k.admin.Lease(t.Context(), "gate-1", false)
		if err == nil && !held {
			err = errors.New("it is not held")
		}
		return err
	})
	if got := k.statusOf(t); !slices.Equal(got.Nodes, []string{"gate-1"}) || len(got.UnderWay) != 1 {
		t.Errorf("status %+v", got)
	}
	if err := k.admin.RotateDone(t.Context(), "purpose-profiling"); err != nil {
		t.Fatal(err)
	}
	if last, err := k.Attend(t.Context(), "gate-1", false); err != nil || last.Open {
		t.Errorf("%+v, %v", last, err)
	}
	if err := k.admin.PurposeMap(t.Context(), "purpose-profiling", nil); err == nil {
		t.Error("the map is still handed out")
	}
}

// TestWhatIsNotRotated is said, each with its own word.
func TestWhatIsNotRotated(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	for _, test := range []struct {
		what pseudonym.Rotation
		says error
	}{
		{pseudonym.Rotation{Key: "purpose-consent"}, rotation.ErrNotRotated},
		{pseudonym.Rotation{Key: "canary@example.org"}, rotation.ErrNotRotated},
		{pseudonym.Rotation{Key: "purpose-analytics"}, rotation.ErrNoCut},
		{pseudonym.Rotation{Key: "gate", Retire: 7}, rotation.ErrNotOld},
		{pseudonym.Rotation{Key: "kek", To: "nonsense"}, rotation.ErrBadKEK},
	} {
		err := k.admin.Rotate(t.Context(), test.what, func(pseudonym.Progress) {})
		if err == nil || !strings.Contains(err.Error(), test.says.Error()) {
			t.Errorf("%+v: %v", test.what, err)
		}
	}
	content, err := os.ReadFile(filepath.Join(dir, "calls", "000001.log"))
	if err != nil || strings.Contains(string(content), "canary") {
		t.Errorf("the log of calls has a text that is no key: %v", err)
	}
}

// TestStartUnderAnotherKEKThanConfigured: after a change of it, an old setting
// does not end the start.
func TestStartUnderAnotherKEKThanConfigured(t *testing.T) {
	dir, socket := folders(t)
	k := start(t, dir, socket)
	before := resolve(t, k.Client, contact(1, true))
	k.rotate(t, pseudonym.Rotation{Key: "kek", To: "file:second"})
	if err := k.stop(); err != nil {
		t.Fatal(err)
	}
	k = start(t, dir, socket, func(c *Config) { c.KEK.URI = "file:" })
	if got := resolve(t, k.Client, contact(1, false)); !slices.Equal(got, before) || k.statusOf(t).KEK != "file:second" {
		t.Errorf("under %s", k.statusOf(t).KEK)
	}
}
