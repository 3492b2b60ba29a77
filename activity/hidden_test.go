package activity

import (
	"fmt"
	"iter"
	"maps"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/engine/enginetest"
	"zgoda/event"
)

// testHidden: the views show nothing until it is said who is hidden, hide them at
// once, each from what they are hidden from, and show nothing again when the server
// has lost who they are.
func testHidden(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(4, 40, "hidden", time.Now().UTC().Truncate(time.Millisecond)))
	const shown = "SELECT toString(tuple((SELECT count() FROM hidden.visible_events), (SELECT count() FROM hidden.profiled_events), (SELECT count() FROM hidden.decidable_events)))"
	expect := func(what, want string) {
		t.Helper()
		if got := one(t, s, shown); got != want {
			t.Errorf("%s: %s, want %s", what, got, want)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	expect("nobody knows yet", "(0,0,0)")
	check(s.Hide(t.Context(), []event.Handle{person(1, 0)}, erase.FromAll))
	expect("nobody knows of the others", "(0,0,0)")
	wanted := map[event.Handle]erase.What{person(1, 1): erase.FromMarketing, person(1, 2): erase.FromDecisions}
	late := func(all iter.Seq2[event.Handle, erase.What]) iter.Seq2[event.Handle, erase.What] {
		return func(yield func(event.Handle, erase.What) bool) {
			all(yield)
			check(s.Hide(t.Context(), []event.Handle{person(1, 3)}, erase.FromAll))
		}
	}
	check(s.Fill(t.Context(), late(maps.All(wanted))))
	expect("one is hidden meanwhile, and one no more", "(30,20,20)")
	check(s.Show(t.Context(), []event.Handle{person(1, 3), {8}}))
	expect("shown again", "(40,30,30)")
	check(s.Hide(t.Context(), []event.Handle{person(1, 1)}, erase.FromAll))
	expect("from everything too", "(30,30,20)")
	check(s.Fill(t.Context(), maps.All(wanted)))
	expect("filled again", "(40,30,30)")
	if full, n, err := s.Hidden(t.Context()); err != nil || !full || n != 2 {
		t.Error(full, n, err)
	}
	if err := s.Hide(t.Context(), []event.Handle{{}}, erase.FromAll); err == nil {
		t.Error("nobody can be hidden")
	}
	pid := room.PID()
	room.Kill()
	room.Restarted(t, pid, 20*time.Second)
	again(t, s.Ping, nil)
	expect("the server was killed", "(0,0,0)")
	if full, _, err := s.Hidden(t.Context()); err != nil || full {
		t.Error(full, err)
	}
	check(s.Fill(t.Context(), maps.All(map[event.Handle]erase.What{})))
	expect("nobody is hidden", "(40,40,40)")
}

// testStamped: rows get the end that the collector would give them today, and others
// keep theirs.
func testStamped(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	at := time.Date(2026, 8, 31, 22, 3, 4, 5e6, time.UTC)
	rows := activityOf(4, 40, "stamped", at)
	for i := range rows {
		rows[i].Purposes = event.PurposeSet(i % 16)
		if i%2 == 1 {
			rows[i].Scope = event.ScopePeriod
		}
	}
	rows[39].Site = "blog"
	insert(t, s, "rows", rows)
	rules := []erase.Stamp{{Bit: profiling, Scope: event.ScopePerson, Months: 6}, {Bit: marketing, Scope: event.ScopePerson, Days: 170}, {Bit: analysing, Scope: event.ScopePeriod, Months: 14}}
	id, err := s.Restamp(t.Context(), "shop", rules)
	if err != nil || id == "" {
		t.Fatal(id, err, errDetail(err))
	}
	for _, r := range rows {
		want := r.ExpiresAt
		earliest := time.Time{}
		for _, rule := range rules {
			end := r.ReceivedAt.AddDate(0, rule.Months, rule.Days).Truncate(time.Second)
			if r.Site == "shop" && r.Scope == rule.Scope && r.Purposes.Has(rule.Bit) && (earliest.IsZero() || end.Before(earliest)) {
				earliest, want = end, end
			}
		}
		if got := one(t, s, "SELECT toString(expires_at) FROM stamped.events WHERE message_id = ?", r.MessageID); got != want.UTC().Format(time.DateTime) {
			t.Errorf("%s, scope %s, purposes %d: %s, want %s", r.MessageID, r.Scope, r.Purposes, got, want)
		}
	}
	if id, err := s.Restamp(t.Context(), "shop", rules); err != nil || id != "" {
		t.Errorf("what has the right end is stamped again: %q %v", id, err)
	}
	if id, err := s.Restamp(t.Context(), "o'site", nil); err != nil || id != "" {
		t.Errorf("%q %v", id, err)
	}
	if n, oldest, err := s.PastRetention(t.Context(), "shop"); err != nil || n != 0 || !oldest.IsZero() {
		t.Error(n, oldest, err)
	}
	must(t, s, "ALTER TABLE {db}.events REMOVE TTL")
	must(t, s, "ALTER TABLE {db}.events UPDATE expires_at = toDateTime('2026-02-03 04:05:06', 'UTC') WHERE message_id IN ('stamped-0', 'stamped-39') SETTINGS mutations_sync = 2")
	if n, oldest, err := s.PastRetention(t.Context(), "shop"); err != nil || n != 1 || oldest.Format(time.DateTime) != "2026-02-03 04:05:06" {
		t.Error(n, oldest, err, errDetail(err))
	}
}

// testUnmarked: a purpose whose own time is over is no longer noted on rows that stay
// for another, and on those alone.
func testUnmarked(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	at := time.Now().UTC().Truncate(time.Second).Add(5 * time.Millisecond)
	rows := activityOf(4, 32, "unmarked", at)
	rules := []erase.Stamp{{Bit: profiling, Scope: event.ScopePerson, Months: 13}, {Bit: marketing, Scope: event.ScopePerson, Days: 170}, {Bit: analysing, Scope: event.ScopePeriod, Months: 6}}
	for i := range rows {
		rows[i].Purposes = event.PurposeSet(i % 16)
		rows[i].ReceivedAt = at.AddDate(0, 0, -170).Add(time.Duration(i-12) * time.Second) // 12 ends in this second
		rows[i].ExpiresAt = at.AddDate(1, 0, 0)
	}
	rows[31].Site = "blog"
	rows[15].ExpiresAt = at.Add(time.Hour).Truncate(time.Second)
	insert(t, s, "rows", rows)
	changed := uint64(0)
	want := map[string]event.PurposeSet{}
	for _, r := range rows {
		left := r.Purposes
		for _, rule := range rules {
			if r.Site == "shop" && r.ExpiresAt.After(at) && !r.ReceivedAt.AddDate(0, rule.Months, rule.Days).Truncate(time.Second).After(at) {
				left &^= 1 << rule.Bit
			}
		}
		if want[r.MessageID] = left; left != r.Purposes {
			changed++
		}
	}
	if changed == 0 || changed == uint64(len(rows)) {
		t.Fatal("the rows are too much alike:", changed)
	}
	id, n, err := s.Unmark(t.Context(), "shop", rules, at)
	if err != nil || id == "" || n != changed {
		t.Fatal(id, n, changed, err, errDetail(err))
	}
	for _, r := range rows {
		if got := one(t, s, "SELECT toString(purposes) FROM unmarked.events WHERE message_id = ?", r.MessageID); got != fmt.Sprint(uint32(want[r.MessageID])) {
			t.Errorf("%s, received %s, purposes %d: %s are left, want %d", r.MessageID, r.ReceivedAt, r.Purposes, got, want[r.MessageID])
		}
	}
	if id, n, err := s.Unmark(t.Context(), "shop", rules, at); err != nil || id != "" || n != 0 {
		t.Error("again:", id, n, err)
	}
	if id, _, err := s.Unmark(t.Context(), "shop", nil, at); err != nil || id != "" {
		t.Error("without purposes:", id, err)
	}
	if _, _, err := s.Unmark(t.Context(), "shop", []erase.Stamp{{Bit: event.MaxPurposes, Months: 1}}, at); err == nil {
		t.Error("a bit that there is not is taken")
	}
}

// testRead: a person's rows are read, and nobody else's.
func testRead(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	rows := activityOf(4, 40, "read", now)
	for i := range rows {
		rows[i].Time = now.Add(time.Duration(i-40) * time.Minute)
	}
	rows[0].Type, rows[0].Group = event.TypeIdentify, event.Blinded{1}
	insert(t, s, "rows", rows)
	p := erase.Person{Whole: []event.Handle{person(1, 0)}, Windows: []erase.Window{
		{Subject: person(1, 1), From: now.Add(-20 * time.Minute)}, {Subject: person(1, 1), From: now.Add(-10 * time.Minute)}, {Subject: person(1, 0)},
	}}
	got := map[string]Row{}
	n, err := s.Rows(t.Context(), p, func(r Row) bool { got[r.MessageID] = r; return true })
	if err != nil || n != 15 || len(got) != 15 {
		t.Fatal(n, len(got), err, errDetail(err))
	}
	for i, r := range rows {
		row, ok := got[r.MessageID]
		if ok != (i%4 == 0 || i%4 == 1 && i >= 20) {
			t.Errorf("row %d: %v", i, ok)
		}
		if ok && (!row.Time.Equal(r.Time) || row.Name != r.Name || row.Scope != r.Scope || row.Type != r.Type.String() || row.Purposes != r.Purposes ||
			row.Properties != r.Properties || row.Grouped != (i == 0) || row.DecidedBy != r.DecidedBy || row.ExpiresAt.Unix() != r.ExpiresAt.Unix()) {
			t.Errorf("row %d: %+v", i, row)
		}
	}
	if n, err := s.Rows(t.Context(), p, func(Row) bool { return false }); err != nil || n != 1 {
		t.Error(n, err)
	}
	if n, err := s.Rows(t.Context(), erase.Person{}, func(Row) bool { return true }); err != nil || n != 0 {
		t.Error(n, err)
	}
	links := 0
	if err := s.LinkTimes(t.Context(), p, func(seen time.Time) bool { links++; return seen.Unix() == now.Unix() }); err != nil || links != 1 {
		t.Error(links, err, errDetail(err))
	}
}

func testMarked(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	for range 2 {
		if err := s.MarkErased(t.Context(), [][16]byte{{1}, {2}}, time.Now().Add(time.Hour)); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	if err := s.MarkErased(t.Context(), [][16]byte{{3}}, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got, err := s.ErasedMarks(t.Context()); err != nil || fmt.Sprint(got) != fmt.Sprint([][16]byte{{1}, {2}}) {
		t.Fatal(got, err)
	}
}
