package apptest

import (
	"os"
	"strings"
	"testing"
	"time"
)

// TestUndoWindow: an erasure that is taken back in its time has changed nothing, and
// shows nobody who is hidden for another reason; one whose time is over is not taken
// back.
func TestUndoWindow(t *testing.T) {
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	window := func(undo string) {
		t.Helper()
		if err := os.WriteFile(config, append(text, "rights: {gather: 1s, undo: "+undo+"}\n"...), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	window("1h")
	e := &eraser{up(t, "--config", config), secret}
	e.identify(t, "jana", "phone")
	e.events(t, "jana", "phone", 9)
	e.anonymous(t, "phone", 3)
	e.events(t, "petr", "", 4)
	e.events(t, "eva", "", 5)
	for user, n := range map[string]int{"jana": 9, "phone": 3, "petr": 4, "eva": 5} {
		e.stored(t, user, n)
	}
	says := func(what ...string) {
		t.Helper()
		e.done(t, "", append([]string{"contact"}, append(what, "--site", "shop", "--reason", "letter 9")...)...)
	}
	says("automated", "off", "--identifier", "user_id:jana")
	says("restrict", "--identifier", "user_id:petr")

	id := e.forget(t, "user_id:jana")
	if r := e.request(t, id); r.State != "approved" || r.Step != "accepted" {
		t.Fatalf("it is %s at %s", r.State, r.Step)
	}
	e.events(t, "jana", "phone", 2) // dropped: it is restricted meanwhile
	e.events(t, "eva", "", 1)
	e.stored(t, "eva", 6)
	e.settled(t, time.Minute)
	e.shows(t, "accepted", map[string]int{"jana": 0, "phone": 0, "petr": 0, "eva": 6}, map[string]int{"jana": 0, "petr": 0, "eva": 6})
	if out := e.done(t, "", "requests", "undo", id); !strings.Contains(out, "cancelled") {
		t.Errorf("taken back: %s", out)
	}
	e.shows(t, "taken back", map[string]int{"jana": 9, "phone": 3, "petr": 0, "eva": 6}, map[string]int{"jana": 0, "petr": 0, "eva": 6})
	for user, n := range map[string]int{"jana": 9, "phone": 3, "petr": 4} {
		if got := e.count(t, "zgoda.events", user); got != n {
			t.Errorf("%d rows of %s are left, not %d", got, user, n)
		}
	}
	if n := e.sql(t, "SELECT count() FROM system.mutations WHERE database = 'zgoda' AND table IN ('events', 'links') AND position(command, 'DELETE') > 0"); n != "0" {
		t.Errorf("%s mutations took rows away", n)
	}
	if _, _, code := e.zgoda(t, "", "requests", "undo", id); code == 0 {
		t.Error("it is taken back twice")
	}
	e.events(t, "jana", "phone", 6)
	e.stored(t, "jana", 15)

	e.stop(t)
	window("1s")
	e.start(t, host(t, e.public))
	id = e.forget(t, "user_id:jana")
	eventually(t, time.Minute, "the end of its time", func() bool { return e.request(t, id).Step != "accepted" })
	if out, errs, code := e.zgoda(t, "", "requests", "undo", id); code == 0 {
		t.Errorf("it is taken back too late: %s%s", out, errs)
	}
	e.complete(t, id)
	for user, n := range map[string]int{"jana": 0, "phone": 0, "petr": 4, "eva": 6} {
		if got := e.count(t, "zgoda.events", user); got != n {
			t.Errorf("%d rows of %s are left, not %d", got, user, n)
		}
	}
}

// shows compares how many rows of people are visible, and how many machines may decide by.
func (e *eraser) shows(t *testing.T, when string, visible, decidable map[string]int) {
	t.Helper()
	for view, want := range map[string]map[string]int{"zgoda.visible_events": visible, "zgoda.decidable_events": decidable} {
		for user, n := range want {
			if got := e.count(t, view, user); got != n {
				t.Errorf("%s: %d rows of %s in %s, not %d", when, got, user, view, n)
			}
		}
	}
}
