package activity

import (
	"errors"
	"fmt"
	"maps"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/engine/enginetest"
	"zgoda/event"
)

// bits of the purposes of the tests' rows, and what rows rest on.
const (
	measuring = 0
	analysing = 1
	profiling = 2
	marketing = 3
)

var rests = [3]event.PurposeSet{
	event.ScopeNone: event.PurposeSet(0).With(measuring), event.ScopePeriod: event.PurposeSet(0).With(analysing), event.ScopePerson: event.PurposeSet(0).With(profiling),
}

// TestErasing has one engine, and a database for each of what it tries.
func TestErasing(t *testing.T) {
	room := enginetest.StartRoom(t)
	for name, try := range map[string]func(*testing.T, *Store, *enginetest.Room){
		"erased": testErased, "windows": testWindows, "withdrawn": testWithdrawn, "anonymised": testAnonymised, "settled": testSettled,
		"halfway": testHalfway, "killed": testKilled, "rekeyed": testBesideRekey, "masked": testMasked, "restored": testRestored,
		"hidden": testHidden, "stamped": testStamped, "unmarked": testUnmarked, "read": testRead, "marked": testMarked, "backedup": testBackedUp,
	} {
		t.Run(name, func(t *testing.T) {
			s := schemaStore(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal(), name)
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err, errDetail(err))
			}
			try(t, s, room)
		})
	}
}

func beginErasing(t *testing.T, s *Store, people ...erase.Person) *Erasing {
	t.Helper()
	e, err := s.Erasing(t.Context())
	if err == nil {
		err = e.Add(t.Context(), people)
	}
	if err != nil {
		t.Fatal(err, errDetail(err))
	}
	return e
}

func countErasing(t *testing.T, e *Erasing) map[uint32]map[string]uint64 {
	t.Helper()
	list, err := e.Count(t.Context())
	if err != nil {
		t.Fatal(err, errDetail(err))
	}
	out := map[uint32]map[string]uint64{}
	for _, c := range list {
		out[c.Number] = c.Rows
	}
	return out
}

// finish deletes, settles, proves and ends, and returns what mutations it took.
func finish(t *testing.T, e *Erasing) (issued []string) {
	t.Helper()
	if err := e.Delete(t.Context(), func(table, mutation string) error {
		issued = append(issued, table)
		if mutation == "" {
			t.Errorf("a mutation of %s has no name", table)
		}
		return nil
	}); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if left, err := e.Prove(t.Context()); err != nil {
		t.Fatal(left, err, errDetail(err))
	}
	if err := e.End(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	return issued
}

func testErased(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	rows := append(activityOf(10, 100, "now", now), activityOf(10, 100, "month", now.AddDate(0, -1, 0))...)
	for i := range rows {
		if i%20 == 0 {
			rows[i].Type = event.TypeIdentify
		}
	}
	insert(t, s, "rows", rows)
	e := beginErasing(t, s,
		erase.Person{Number: 7, Mode: erase.ModeErase, Whole: []event.Handle{person(1, 0), {5, 5}}},
		erase.Person{Number: 9, Mode: erase.ModeErase, Whole: []event.Handle{person(1, 1)}, Visitors: []event.Handle{{9, 2}}},
		erase.Person{Number: 11, Mode: erase.ModeErase, Whole: []event.Handle{{6, 6}}})
	got := countErasing(t, e)
	if want := map[string]uint64{"events": 20, "links": 5}; !maps.Equal(got[7], want) || got[9]["events"] != 20 || got[11] != nil {
		t.Fatal(got)
	}
	if left, err := e.Prove(t.Context()); !errors.Is(err, ErrLeft) || left["events"] != 40+2 {
		t.Fatal(left, err)
	}
	if issued := finish(t, e); fmt.Sprint(issued) != "[events links]" {
		t.Fatal(issued)
	}
	for query, want := range map[string]string{
		"SELECT toString(tuple(count(), countIf(subject IN (SELECT subject FROM erased.events WHERE substring(hex(subject), 5, 2) < '02')), countIf(visitor = toFixedString(unhex('0902'), 16)))) FROM erased.events": "(160,0,0)",
		"SELECT toString(count()) FROM erased.events WHERE visitor = toFixedString('', 16)":                                                                                                                           "2",
		"SELECT toString(count()) FROM erased.links":                                                            "0",
		"SELECT toString(count()) FROM system.tables WHERE database = 'erased' AND startsWith(name, 'erasing')": "0",
	} {
		if got := one(t, s, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func testWindows(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	rows := activityOf(1, 40, "shared", now)
	for i := range rows {
		rows[i].Time = now.Add(time.Duration(i-40) * time.Minute)
	}
	insert(t, s, "rows", rows)
	e := beginErasing(t, s, erase.Person{Number: 1, Mode: erase.ModeErase, Windows: []erase.Window{
		{Subject: person(1, 0), From: now.Add(-30 * time.Minute), To: now.Add(-20 * time.Minute)},
		{Subject: person(1, 0), From: now.Add(-5 * time.Minute)},
		{Subject: person(1, 0), To: now.Add(-time.Hour), Received: true},
	}})
	if got := countErasing(t, e); got[1]["events"] != 15 {
		t.Fatal(got)
	}
	finish(t, e)
	if got := one(t, s, "SELECT toString(groupArray(n)) FROM (SELECT toUInt32(splitByChar('-', message_id)[2]) AS n FROM windows.events ORDER BY n)"); got !=
		"[0,1,2,3,4,5,6,7,8,9,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34]" {
		t.Fatal(got)
	}
}

// testWithdrawn: of a purpose that is withdrawn exactly the rows stored on it are
// touched: they go when nothing is left that they rest on, else they lose its bit.
func testWithdrawn(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	rows := activityOf(3, 96, "w", now)
	for i := range rows {
		rows[i].Purposes = event.PurposeSet(i / 3 % 16)
		if i/48 == 1 {
			rows[i].Scope = event.ScopePeriod
		}
		rows[i].Time = now.Add(-time.Duration(i) * time.Second)
	}
	insert(t, s, "rows", rows)
	e := beginErasing(t, s,
		erase.Person{Number: 1, Mode: erase.ModeWithdraw, Bit: profiling, Rests: rests, Whole: []event.Handle{person(1, 0)}},
		erase.Person{Number: 1, Mode: erase.ModeWithdraw, Bit: marketing, Rests: rests, Whole: []event.Handle{person(1, 0)}},
		erase.Person{Number: 2, Mode: erase.ModeWithdraw, Bit: analysing, Rests: rests, Windows: []erase.Window{{Subject: person(1, 1), From: now.Add(-70 * time.Second)}}},
	)
	if got := countErasing(t, e); got[1]["events"] == 0 || got[2]["events"] == 0 {
		t.Fatal(got)
	}
	finish(t, e)
	want := map[string]event.PurposeSet{}
	for i, r := range rows {
		mask := event.PurposeSet(0)
		switch {
		case i%3 == 0:
			mask = 1<<profiling | 1<<marketing
		case i%3 == 1 && i <= 70:
			mask = 1 << analysing
		}
		left := r.Purposes &^ mask
		if r.Purposes&mask != 0 && (left == 0 || left&rests[r.Scope] == 0) {
			continue
		}
		want[r.MessageID] = left
	}
	for id, purposes := range want {
		if got := one(t, s, "SELECT toString(groupArray(purposes)) FROM withdrawn.events WHERE message_id = ?", id); got != fmt.Sprintf("[%d]", purposes) {
			t.Errorf("%s has purposes %s, want %d", id, got, purposes)
		}
	}
	if got := one(t, s, "SELECT toString(count()) FROM withdrawn.events"); got != fmt.Sprint(len(want)) {
		t.Errorf("%s rows, want %d", got, len(want))
	}
}
