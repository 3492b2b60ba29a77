package activity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/engine/enginetest"
	"zgoda/event"
)

// TestServers has two engines that know nothing of each other, and a database on both
// for each of what it tries.
func TestServers(t *testing.T) {
	rooms := [2]*enginetest.Room{enginetest.StartRoom(t), enginetest.StartRoom(t)}
	for name, try := range map[string]func(*testing.T, *Servers){
		"both": testBoth, "late": testLate, "same": testSame, "unlisted": testUnlisted, "concealed": testConcealed, "behind": testBehind,
		"restamped": testRestamped, "looked": testLooked, "gone": testGone,
	} {
		t.Run(name, func(t *testing.T) {
			var all [2]*Store
			for i, room := range rooms {
				all[i] = schemaStore(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal(), "servers_"+name)
			}
			if err := all[0].Migrate(t.Context()); err != nil {
				t.Fatal(err, errDetail(err))
			}
			s := NewServers(all[0], nil, all[1])
			if _, err := s.Erasing(t.Context()); err == nil || !away(err) {
				t.Fatal("a replica without a schema is not waited for", err)
			}
			if err := s.Prepare(t.Context()); err != nil {
				t.Fatal(err, errDetail(err))
			}
			for i, one := range all {
				insert(t, one, "rows", activityOf(4, 40, fmt.Sprint("of", i), time.Now().UTC().Truncate(time.Millisecond)))
			}
			try(t, s)
		})
	}
}

// nowhere is a server that nobody can reach.
func nowhere(t *testing.T) *Store {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = l.Close()
	return schemaStore(t, l.Addr().String(), "nobody", "nothing", "zgoda")
}

func counted(t *testing.T, s *Servers, query string) (out []string) {
	t.Helper()
	for _, server := range s.all {
		out = append(out, one(t, server, strings.ReplaceAll(query, "{db}", server.database)))
	}
	return out
}

func beginAll(t *testing.T, s *Servers, people ...erase.Person) *ErasingAll {
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

var whole = erase.Person{Number: 1, Mode: erase.ModeErase, Whole: []event.Handle{person(1, 2)}}

const eventsLeft = "SELECT toString(count()) FROM {db}.events"

// testBoth: rows of a person lie on both; each gets its mutation, and each is counted.
func testBoth(t *testing.T, s *Servers) {
	t.Helper()
	e := beginAll(t, s, whole)
	if left, err := e.Prove(t.Context()); !errors.Is(err, ErrLeft) || left["events"] != 20 || e.Proof() != nil {
		t.Fatal(left, err)
	}
	if got, err := e.Count(t.Context()); err != nil || len(got) != 1 || got[0].Rows["events"] != 10 {
		t.Fatal(got, err)
	}
	var issued []string
	if err := e.Delete(t.Context(), func(table, _ string) error { issued = append(issued, table); return nil }); err != nil || !slices.Equal(issued, []string{"events"}) {
		t.Fatal(issued, err, errDetail(err))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := e.Settle(ctx); err != nil {
		t.Fatal(err, errDetail(err))
	}
	began := time.Now()
	left, err := e.Prove(ctx)
	if err != nil || !maps.Equal(left, map[string]uint64{"events": 0, "links": 0}) {
		t.Fatal(left, err, errDetail(err))
	}
	proof := e.Proof()
	for i, name := range s.Names() {
		if len(proof) != 2 || proof[i].Server != name || proof[i].At.Before(began) || !maps.Equal(proof[i].Left, map[string]uint64{"events": 0, "links": 0}) {
			t.Errorf("proof %+v", proof)
		}
	}
	if err := e.End(ctx); err != nil {
		t.Fatal(err)
	}
	if got := counted(t, s, eventsLeft); !slices.Equal(got, []string{"30", "30"}) {
		t.Error(got)
	}
	if got := counted(t, s, "SELECT toString(countIf(position(command, 'erasing') > 0)) FROM system.mutations WHERE database = '{db}'"); !slices.Equal(got, []string{"0", "0"}) {
		t.Error("texts of mutations are left", got)
	}
	if got := counted(t, s, "SELECT toString(count()) FROM system.tables WHERE database = '{db}' AND startsWith(name, 'erasing')"); !slices.Equal(got, []string{"0", "0"}) {
		t.Error("tables are left", got)
	}
}

// testLate: what the first server has is gone; that the second still has rows is no
// proof, and says where.
func testLate(t *testing.T, s *Servers) {
	t.Helper()
	e := beginAll(t, s, whole)
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err, errDetail(err))
	}
	insert(t, s.all[1], "late", activityOf(4, 8, "late", time.Now().UTC().Truncate(time.Millisecond)))
	left, err := e.Prove(t.Context())
	var where *ReplicaError
	if !errors.Is(err, ErrLeft) || !errors.As(err, &where) || where.Replica != s.all[1].Address() || left["events"] != 2 || e.Proof() != nil {
		t.Fatal(left, err)
	}
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if left, err := e.Prove(t.Context()); err != nil || len(e.Proof()) != 2 {
		t.Fatal(left, err)
	}
	if err := e.End(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// testSame: one server by two addresses is not two copies.
func testSame(t *testing.T, s *Servers) {
	t.Helper()
	twice := NewServers(s.all[0], nil, s.all[0])
	if err := twice.Prepare(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if _, err := twice.Erasing(t.Context()); !errors.Is(err, ErrSame) || away(err) {
		t.Fatal(err)
	}
}

// testUnlisted: a replicated table that cannot reach its keeper, which is all that the
// embedded engine has of one, may have replicas anywhere.
func testUnlisted(t *testing.T, s *Servers) {
	t.Helper()
	second := s.all[1]
	must(t, second, "DROP TABLE {db}.links SYNC")
	must(t, second, "ATTACH TABLE {db}.links UUID '5f2b8f3e-6c4f-4bb0-9d0b-0a4d1f3c7a11' (site String, subject FixedString(16), visitor FixedString(16), seen_at DateTime, expires_at DateTime) "+
		"ENGINE = ReplicatedReplacingMergeTree('/zgoda/links', 'b') ORDER BY (site, subject, visitor)")
	_, err := s.Erasing(t.Context())
	var unlisted *UnlistedError
	if !errors.As(err, &unlisted) || away(err) || !strings.Contains(unlisted.Why(), "cannot reach its keeper") {
		t.Fatal(err)
	}
	if got := s.Look(t.Context()); len(got) != 1 || !strings.Contains(got[0], "no erasure is certified") {
		t.Error(got)
	}
	must(t, second, "DETACH TABLE {db}.links")
}

// testConcealed: who is hidden is so on each server; one that was away gets the whole
// list once it is back.
func testConcealed(t *testing.T, s *Servers) {
	t.Helper()
	const shown = "SELECT toString(count()) FROM {db}.visible_events"
	hidden := map[event.Handle]erase.What{person(1, 0): erase.FromAll}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := counted(t, s, shown); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", what, got, want)
		}
	}
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	check(s.Fill(t.Context(), maps.All(hidden)))
	expect("filled", "30", "30")
	check(s.Hide(t.Context(), []event.Handle{person(1, 1)}, erase.FromAll))
	expect("hidden at once", "20", "20")
	check(s.Show(t.Context(), []event.Handle{person(1, 1)}))
	expect("shown again", "30", "30")

	back := s.all[1]
	s.all[1] = nowhere(t)
	check(s.Hide(t.Context(), []event.Handle{person(1, 3)}, erase.FromAll))
	if full, n, err := s.Hidden(t.Context()); !full || n != 2 || err != nil {
		t.Error("a replica that is away holds the others up", full, n, err)
	}
	s.all[1] = back
	expect("it was away", "20", "30")
	s.with(1, func(state *serverState) { state.away = time.Time{} }) // some seconds later
	if full, _, err := s.Hidden(t.Context()); full || err != nil {
		t.Error("it is not known that it missed somebody", full, err)
	}
	hidden[person(1, 3)] = erase.FromAll
	check(s.Fill(t.Context(), maps.All(hidden)))
	expect("filled anew", "20", "20")
	if full, _, err := s.Hidden(t.Context()); !full || err != nil {
		t.Error(full, err)
	}
}

// testBehind: a copy that does not know of an erasure, as one from a backup, shows
// nothing, and the erasure counts as one that is to be carried out again.
func testBehind(t *testing.T, s *Servers) {
	t.Helper()
	known, behind := [16]byte{1}, [16]byte{2}
	until := time.Now().Add(24 * time.Hour)
	if err := errors.Join(s.MarkErased(t.Context(), [][16]byte{known}, until), s.all[0].MarkErased(t.Context(), [][16]byte{behind}, until)); err != nil {
		t.Fatal(err)
	}
	fill := func() {
		t.Helper()
		if err := s.Fill(t.Context(), maps.All(map[event.Handle]erase.What{})); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	if got, err := s.ErasedMarks(t.Context()); err != nil || !slices.Equal(got, [][16]byte{known}) {
		t.Fatal(got, err)
	}
	fill()
	if got := counted(t, s, "SELECT toString(count()) FROM {db}.visible_events"); !slices.Equal(got, []string{"40", "0"}) {
		t.Error(got)
	}
	if full, _, err := s.Hidden(t.Context()); !full || err != nil {
		t.Error("it is filled again and again", full, err)
	}
	if err := s.MarkErased(t.Context(), [][16]byte{behind}, until); err != nil {
		t.Fatal(err)
	}
	fill()
	if got := counted(t, s, "SELECT toString(count()) FROM {db}.visible_events"); !slices.Equal(got, []string{"40", "40"}) {
		t.Error(got)
	}
	s.all[1] = nowhere(t)
	if got, err := s.ErasedMarks(t.Context()); err != nil || len(got) != 2 {
		t.Error("a replica that is away holds the gate", got, err)
	}
	if err := s.MarkErased(t.Context(), [][16]byte{{3}}, until); err == nil || !away(err) {
		t.Error("an erasure counts as carried out on a replica that is away", err)
	}
}

// testRestamped: rows get another end on each server.
func testRestamped(t *testing.T, s *Servers) {
	t.Helper()
	rules := []erase.Stamp{{Bit: profiling, Scope: event.ScopePerson, Days: 7}, {Bit: measuring, Scope: event.ScopePerson, Days: 7}}
	id, err := s.Restamp(t.Context(), "shop", rules)
	if err != nil || id == "" {
		t.Fatal(id, err, errDetail(err))
	}
	const ends = "SELECT toString(countIf(dateDiff('day', received_at, expires_at) != 7)) FROM {db}.events"
	if got := counted(t, s, ends); !slices.Equal(got, []string{"0", "0"}) {
		t.Error(got)
	}
	if n, _, err := s.PastRetention(t.Context(), "shop"); n != 0 || err != nil {
		t.Error(n, err)
	}
	for _, one := range s.all { // their end is another purpose's
		must(t, one, "ALTER TABLE {db}.events UPDATE expires_at = expires_at + toIntervalDay(7) WHERE 1 SETTINGS mutations_sync = 2")
	}
	if id, n, err := s.Unmark(t.Context(), "shop", rules, time.Now().AddDate(0, 0, 8)); err != nil || id == "" || n == 0 {
		t.Error(id, n, err, errDetail(err))
	}
	if got := counted(t, s, "SELECT toString(countIf(bitTest(purposes, 0) OR bitTest(purposes, 2))) FROM {db}.events WHERE site = 'shop'"); !slices.Equal(got, []string{"0", "0"}) {
		t.Error("purposes that are over are noted still:", got)
	}
	if _, err := s.Rekey(t.Context(), event.ScopePerson, 2); !errors.Is(err, ErrReplicaRekey) {
		t.Error("rows of a copy would stay under an old key", err)
	}
	s.all[1] = nowhere(t)
	if _, err := s.Restamp(t.Context(), "shop", rules); err == nil || !away(err) {
		t.Error("a replica that is away is passed over", err)
	}
}

// testLooked: what is wrong with a replica is told.
func testLooked(t *testing.T, s *Servers) {
	t.Helper()
	if got := s.Look(t.Context()); len(got) > 0 {
		t.Error(got)
	}
	must(t, s.all[1], "ALTER TABLE {db}.migrations DELETE WHERE number = 3 SETTINGS mutations_sync = 1")
	if got := s.Look(t.Context()); len(got) != 1 || !strings.Contains(got[0], "0003_events_flags missing") || !strings.Contains(got[0], s.all[1].Address()) {
		t.Error(got)
	}
	s.all[1] = nowhere(t)
	if got := s.Look(t.Context()); len(got) != 1 || !strings.Contains(got[0], s.all[1].Address()+" cannot be asked") {
		t.Error(got)
	}
}

// testGone: nothing is begun while a replica is away, and nothing is proven once it is.
func testGone(t *testing.T, s *Servers) {
	t.Helper()
	e := beginAll(t, s, whole)
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err, errDetail(err))
	}
	back := s.all[1]
	s.all[1] = nowhere(t)
	for what, do := range map[string]func() error{
		"prove": func() error { _, err := e.Prove(t.Context()); return err },
		"end":   func() error { return e.End(t.Context()) },
		"begin": func() error { _, err := s.Erasing(t.Context()); return err },
	} {
		var where *ReplicaError
		if err := do(); !errors.As(err, &where) || where.Replica != s.all[1].Address() || !away(err) {
			t.Errorf("%s: %v", what, err)
		}
	}
	s.all[1] = back
	e = beginAll(t, s, whole)
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if _, err := e.Prove(t.Context()); err != nil || len(e.Proof()) != 2 {
		t.Fatal(err)
	}
	if err := e.End(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestListed: of what servers say of their tables.
func TestListed(t *testing.T) {
	t.Parallel()
	of := func(replica string, all ...string) copies {
		one := copied{engine: "ReplicatedMergeTree", replica: replica, path: "/t", replicas: all}
		return copies{"events": one, "links": one}
	}
	plain := copies{"events": {engine: "MergeTree"}, "links": {engine: "ReplacingMergeTree"}}
	engine := func(name string) copies { return copies{"events": {engine: name}, "links": {engine: "MergeTree"}} }
	for name, c := range map[string]struct {
		all  []copies
		want string // "": nothing is wrong
	}{
		"one":                {[]copies{plain}, ""},
		"independent":        {[]copies{plain, plain}, ""},
		"replicated":         {[]copies{of("a", "a", "b"), of("b", "a", "b")}, ""},
		"a third":            {[]copies{of("a", "a", "b", "c"), of("b", "a", "b", "c")}, `"c" on a server that clickhouse_replicas does not list`},
		"none listed":        {[]copies{of("a", "a", "b")}, `"b" on a server that clickhouse_replicas does not list`},
		"one seen by one":    {[]copies{of("a", "a", "b"), of("b", "a", "b", "c")}, `"c" on a server`},
		"the same one":       {[]copies{of("a", "a"), of("a", "a")}, "the same replica"},
		"without its keeper": {[]copies{of("a")}, "cannot reach its keeper"},
		"no table":           {[]copies{plain, {}}, "has no table events"},
		"distributed":        {[]copies{engine("Distributed")}, "has the engine Distributed"},
		"shared":             {[]copies{engine("SharedMergeTree")}, "has the engine SharedMergeTree"},
	} {
		err := listed([]string{"one:9000", "two:9000"}, c.all)
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
