package activity

import (
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/engine/enginetest"
	"zgoda/event"
)

// testBackedUp: after a restore rows go at the first try. The parts of a backup carry
// the number of the last mutation that rewrote them, and a table that takes them for
// ahead of its own count passes over them, and calls the deletion done.
func testBackedUp(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(8, 80, "backup", time.Now().UTC().Truncate(time.Millisecond)))
	for subject := range 3 { // each is a mutation that rewrites what is there
		e := beginErasing(t, s, erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(1, subject)}})
		finish(t, e)
	}
	if err := s.Backup(t.Context(), "backedup.tar"); err != nil {
		t.Fatal(err, errDetail(err))
	}
	for range 2 { // a restore that was cut off is done again
		must(t, s, "DETACH TABLE {db}.events SYNC")
		if err := s.RestoreTables(t.Context(), "backedup.tar"); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if got := one(t, s, "SELECT toString(count()) FROM backedup.events"); got != "50" {
		t.Fatal(got)
	}
	finish(t, beginErasing(t, s, erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(1, 3)}, Visitors: []event.Handle{person(2, 3)}}))
	if got := one(t, s, "SELECT toString(count()) FROM backedup.events"); got != "40" {
		t.Fatal(got)
	}
}
