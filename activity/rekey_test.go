package activity

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/record"
)

// person is the n-th contact's pseudonym under a version of the key.
func person(version byte, n int) event.Handle {
	return event.Handle{version, 0xaa, byte(n), byte(n >> 8), 15: version}
}

// activityOf are rows of contacts under the first version: of everyone some, each
// with a message id of its own, in the month of the given time.
func activityOf(people, rows int, prefix string, at time.Time) []record.Record {
	out := make([]record.Record, rows)
	for i := range out {
		out[i] = record.Record{
			Site: "shop", Type: event.TypeTrack, Scope: event.ScopePerson, MessageID: fmt.Sprintf("%s-%d", prefix, i),
			Time: at, ReceivedAt: at, ExpiresAt: at.AddDate(1, 0, 0), Subject: person(1, i%people), Visitor: event.Handle{9, byte(i)},
			Name: "Viewed", PagePath: "/p", Properties: `{"a":1}`, Purposes: 6, DecidedBy: "cookie", PolicyVersion: 3, KeyVersion: 1,
		}
	}
	return out
}

func insert(t *testing.T, s *Store, token string, rows []record.Record) {
	t.Helper()
	encoded := make([][]byte, len(rows))
	for i := range rows {
		encoded[i] = record.Append(nil, &rows[i])
	}
	if err := s.Insert(t.Context(), token, encoded); err != nil {
		t.Fatal(err, errDetail(err))
	}
}

func errDetail(err error) string {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Detail()
	}
	return ""
}

// begin makes a map of so many contacts.
func begin(t *testing.T, s *Store, people int) *Rekey {
	t.Helper()
	r, err := s.Rekey(t.Context(), event.ScopePerson, 2)
	if err != nil {
		t.Fatal(err, errDetail(err))
	}
	var from, to []event.Handle
	for n := range people {
		from, to = append(from, person(1, n)), append(to, person(2, n))
	}
	for at := 0; at < people; at += 100 {
		end := min(at+100, people)
		if err := r.Map(t.Context(), from[at:end], to[at:end]); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	return r
}

// all rewrites every partition and the links, and takes the map away.
func all(t *testing.T, r *Rekey) (rows uint64) {
	t.Helper()
	ids, err := r.Partitions(t.Context())
	if err != nil {
		t.Fatal(err, errDetail(err))
	}
	for _, id := range ids {
		n, err := r.Rewrite(t.Context(), id)
		if err != nil {
			t.Fatal(err, errDetail(err))
		}
		rows += n
	}
	if _, err := r.Links(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if left, err := r.Left(t.Context()); err != nil || left != 0 {
		t.Fatal(left, err, errDetail(err))
	}
	if err := r.End(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	return rows
}

func TestRekey(t *testing.T) {
	room := enginetest.StartRoom(t)
	store := func(database string) *Store {
		s := schemaStore(t, room.Access.Address, room.Access.Admin.User, room.Access.Admin.Password.Reveal(), database)
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("rows go over and nothing else changes", func(t *testing.T) { testRekeyed(t, store("whole")) })
	t.Run("a token that was used stays used", func(t *testing.T) { testTokens(t, store("tokens")) })
	t.Run("another writer", func(t *testing.T) { testAnotherWriter(t, store("another")) })
	t.Run("one after another", func(t *testing.T) { testLeftovers(t, store("leftovers")) })
	t.Run("the map is in memory alone", func(t *testing.T) { testMapGone(t, store("gone"), room) })
}

func testRekeyed(t *testing.T, s *Store) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i, at := range []time.Time{now, now.AddDate(0, -1, 0), now.AddDate(0, -2, 0)} {
		insert(t, s, fmt.Sprint("month", i), activityOf(250, 1000, fmt.Sprint("m", i), at))
	}
	others := activityOf(50, 50, "others", now) // visitors: not in the map
	for i := range others {
		others[i].Subject = event.Handle{7, byte(i)}
	}
	links := activityOf(20, 20, "links", now)
	for i := range links {
		links[i].Type = event.TypeIdentify
	}
	insert(t, s, "others", append(others, links...))
	none := activityOf(1, 10, "none", now)
	for i := range none {
		none[i].Scope, none[i].Subject, none[i].Visitor, none[i].KeyVersion = event.ScopeNone, event.Handle{}, event.Handle{}, 0
	}
	insert(t, s, "none", none)

	const content = "SELECT concat(toString(count()), ' ', toString(uniqExact(message_id)), ' ', toString(sum(cityHash64(site, ts, received_at, message_id, toString(scope), " +
		"visitor, type, name, page_path, purposes, decided_by, policy_version, flags, properties, expires_at, stored_on)))) FROM whole.events"
	before := one(t, s, content)
	const perPerson = "SELECT toString(groupArray(n)) FROM (SELECT count() AS n FROM whole.events WHERE startsWith(hex(subject), '%s') GROUP BY substring(subject, 3, 2) ORDER BY substring(subject, 3, 2))"
	mine := one(t, s, fmt.Sprintf(perPerson, "01AA"))
	if rows := all(t, begin(t, s, 250)); rows != 3020 {
		t.Fatalf("%d rows rewritten", rows)
	}
	if after := one(t, s, content); after != before {
		t.Fatalf("content %s, before %s", after, before)
	}
	if after := one(t, s, fmt.Sprintf(perPerson, "02AA")); after != mine {
		t.Fatalf("rows of each contact %s, before %s", after, mine)
	}
	for query, want := range map[string]string{
		"SELECT toString(tuple(countIf(key_version = 1), countIf(key_version = 2), countIf(key_version = 0))) FROM whole.events": "(50,3020,10)",
		"SELECT toString(count()) FROM whole.events WHERE startsWith(hex(subject), '01')":                                        "0",
		"SELECT toString(tuple(count(), countIf(startsWith(hex(subject), '02')))) FROM whole.links FINAL":                        "(20,20)",
		"SELECT toString(count()) FROM system.tables WHERE database = 'whole' AND name LIKE '%rekey%'":                           "0",
	} {
		if got := one(t, s, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// testTokens: what makes inserts arrive once holds across a rewriting: a token,
// and the message ids that are read back.
func testTokens(t *testing.T, s *Store) {
	t.Helper()
	rows := activityOf(10, 100, "once", time.Now().UTC().Truncate(time.Millisecond))
	insert(t, s, "once", rows)
	all(t, begin(t, s, 10))
	insert(t, s, "once", rows)
	if got := one(t, s, "SELECT toString(tuple(count(), uniqExact(message_id))) FROM tokens.events"); got != "(100,100)" {
		t.Fatal(got)
	}
	present, err := s.Present(t.Context(), [][]byte{record.Append(nil, &rows[0])})
	if err != nil || !present[0] {
		t.Fatal(present, err)
	}
}

// testAnotherWriter: a partition that somebody writes to while it is copied is
// left as it is.
func testAnotherWriter(t *testing.T, s *Store) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	insert(t, s, "first", activityOf(10, 100, "first", now))
	r := begin(t, s, 10)
	copied := make(chan struct{})
	r.afterCopy = func() {
		insert(t, s, "meanwhile", activityOf(10, 1, "meanwhile", now))
		close(copied)
	}
	ids, err := r.Partitions(t.Context())
	if err != nil || len(ids) != 1 {
		t.Fatal(ids, err)
	}
	if _, err := r.Rewrite(t.Context(), ids[0]); !errors.Is(err, ErrCopyDiffers) {
		t.Fatal(err)
	}
	<-copied
	r.afterCopy = func() {}
	if rows := all(t, r); rows != 101 {
		t.Fatal(rows)
	}
	if got := one(t, s, "SELECT toString(tuple(count(), uniqExact(message_id))) FROM another.events"); got != "(101,101)" {
		t.Fatal(got)
	}
}

// testLeftovers: a second rewriting takes away what the first left, which then
// can do nothing any more.
func testLeftovers(t *testing.T, s *Store) {
	t.Helper()
	insert(t, s, "first", activityOf(10, 100, "first", time.Now().UTC().Truncate(time.Millisecond)))
	first := begin(t, s, 10)
	must(t, s, "CREATE TABLE {db}.events_rekey_0 AS {db}.events")
	second := begin(t, s, 10)
	if _, err := first.Partitions(t.Context()); !errors.Is(err, ErrMapGone) {
		t.Fatal(err)
	}
	if rows := all(t, second); rows != 100 {
		t.Fatal(rows)
	}
	if got := one(t, s, "SELECT toString(count()) FROM system.tables WHERE database = 'leftovers' AND name LIKE '%rekey%'"); got != "0" {
		t.Fatal(got)
	}
}

// testMapGone: an engine that is killed has lost the map, and says so, rather
// than that nothing is left to rewrite; nothing of it is in the engine's files.
func testMapGone(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	insert(t, s, "first", activityOf(10, 100, "first", time.Now().UTC().Truncate(time.Millisecond)))
	r, err := s.Rekey(t.Context(), event.ScopePerson, 2)
	if err != nil {
		t.Fatal(err)
	}
	canary := event.Handle([]byte("rekey-canary-new"))
	if err := r.Map(t.Context(), []event.Handle{event.Handle([]byte("rekey-canary-old"))}, []event.Handle{canary}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Partitions(t.Context()); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if found := grep(t, room.Dir, "rekey-canary"); found != "" {
		t.Fatalf("the map is in %s", found)
	}
	pid := room.PID()
	room.Kill()
	room.Restarted(t, pid, 10*time.Second)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		_, err := r.Left(ctx)
		if errors.Is(err, ErrMapGone) {
			break
		}
		var e *Error
		if !errors.As(err, &e) || !e.Transient() {
			t.Fatal(err)
		}
	}
	if _, err := r.Rewrite(t.Context(), "202601"); !errors.Is(err, ErrMapGone) {
		t.Fatal(err)
	}
	if rows := all(t, begin(t, s, 10)); rows != 100 {
		t.Fatal(rows)
	}
	if name := strings.TrimSpace(one(t, s, "SELECT toString(count()) FROM gone.events")); name != "100" {
		t.Fatal(name)
	}
}

// grep returns the file under a folder that has the text, or "".
func grep(t *testing.T, dir, text string) (found string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		files++
		content, err := os.ReadFile(path)
		if err == nil && bytes.Contains(content, []byte(text)) {
			found = path
		}
		return err
	})
	if err != nil || files == 0 {
		t.Fatal(files, err)
	}
	return found
}
