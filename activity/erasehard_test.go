package activity

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/engine/enginetest"
	"zgoda/event"
)

func ignore(string, string) error { return nil }

// testAnonymised: of those who are anonymised there is left what is like the rows of
// enough others, once, whatever crashes.
func testAnonymised(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Date(2026, 11, 3, 4, 5, 6, 7e6, time.UTC)
	rows := append(activityOf(22, 44, "many", now), activityOf(5, 5, "month", now.AddDate(0, -1, 0))...)
	for i := range 20 {
		r := rows[i]
		r.MessageID, r.PagePath = fmt.Sprint("few-", i), "/rare"
		rows = append(rows, r)
	}
	for i := range rows {
		rows[i].ExpiresAt = time.Now().AddDate(1, 0, 0)
		rows[i].Purposes = 1<<profiling | 1<<measuring
	}
	insert(t, s, "rows", rows)
	e := beginErasing(t, s,
		erase.Person{Number: 1, Mode: erase.ModeAnonymise, Whole: []event.Handle{person(1, 0)}, Rests: rests},
		erase.Person{Number: 2, Mode: erase.ModeErase, Whole: []event.Handle{person(1, 1)}})
	countErasing(t, e)
	name, kept, err := e.Copy(t.Context())
	if err != nil || name == "" || kept != 2 { // not /rare, and not the month before: too few are alike
		t.Fatal(name, kept, err, errDetail(err))
	}
	if err := s.DropKept(t.Context(), name); err != nil {
		t.Fatal(err)
	}
	finish(t, e)
	must(t, s, "CREATE TABLE {db}.twin AS {db}."+name)
	must(t, s, "INSERT INTO {db}.twin SELECT * FROM {db}."+name)
	if moved, err := s.MoveIn(t.Context(), name); err != nil || moved != 2 {
		t.Fatal(moved, err, errDetail(err))
	}
	must(t, s, "RENAME TABLE {db}.twin TO {db}."+name) // as if the answer had been lost before the copy went
	for range 2 {
		if _, err := s.MoveIn(t.Context(), name); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	const left = "SELECT toString(groupUniqArray((site, ts, received_at, subject, visitor, type, name, page_path, page_host, properties, purposes, decided_by, toMinute(expires_at)))) FROM anonymised.events WHERE scope = 'none'"
	if got := strings.ReplaceAll(one(t, s, left), `\0`, ""); got != "[('shop','2026-11-03 04:00:00.000','2026-11-03 04:00:00.000','','','track','Viewed','/p','','',1,'',0)]" {
		t.Fatal(got)
	}
	if got := one(t, s, "SELECT toString(tuple(count(), countIf(scope = 'none'))) FROM anonymised.events"); got != fmt.Sprintf("(%d,2)", len(rows)-4-2-2+2) {
		t.Fatal(got)
	}
	must(t, s, "CREATE TABLE {db}."+keptPrefix+"lost AS {db}.events")
	if err := s.DropKept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := one(t, s, "SELECT toString(count()) FROM system.tables WHERE database = 'anonymised' AND startsWith(name, 'events_kept_')"); got != "0" {
		t.Fatal(got)
	}
}

// testSettled: no file of the table has a pseudonym any more, nor the texts of
// mutations at any time.
func testSettled(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	rows := activityOf(4, 40, "bytes", time.Now().UTC().Truncate(time.Millisecond))
	target, visitor := event.Handle([]byte("settled-target-1")), event.Handle([]byte("settled-visitor1"))
	for i := range rows {
		if i%4 == 0 {
			rows[i].Subject, rows[i].Visitor, rows[i].Type = target, visitor, event.TypeIdentify
		}
	}
	insert(t, s, "rows", rows)
	if found := scan(t, room.Dir, target); len(found) == 0 {
		t.Fatal("the scan does not find what is there")
	}
	e := beginErasing(t, s, erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{target}, Visitors: []event.Handle{visitor}})
	countErasing(t, e)
	if err := e.Delete(t.Context(), ignore); err != nil {
		t.Fatal(err, errDetail(err))
	}
	texts := 0
	_ = filepath.WalkDir(room.Dir, func(path string, _ fs.DirEntry, _ error) error {
		if strings.HasPrefix(filepath.Base(path), "mutation_") {
			text, _ := os.ReadFile(path)
			texts++
			for _, form := range forms(target) {
				if strings.Contains(string(text), form) {
					t.Errorf("%s has a pseudonym", path)
				}
			}
		}
		return nil
	})
	if texts == 0 {
		t.Fatal("no mutation has a file")
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if err := e.Settle(ctx); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if left, err := e.Prove(ctx); err != nil {
		t.Fatal(left, err)
	}
	for _, handle := range []event.Handle{target, visitor} {
		if found := scan(t, room.Dir, handle); len(found) > 0 {
			t.Errorf("a pseudonym is in %v", found)
		}
	}
	if got := one(t, s, "SELECT toString(countIf(position(command, 'erasing') > 0)) FROM system.mutations WHERE database = 'settled'"); got != "0" {
		t.Error(got)
	}
	if err := e.End(ctx); err != nil {
		t.Fatal(err)
	}
}

// testHalfway: a mutation that cannot go on is called off and named, and what is begun
// anew comes to its end.
func testHalfway(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	now := time.Now().UTC().Truncate(time.Millisecond)
	for i := range 3 { // parts of several partitions
		insert(t, s, fmt.Sprint("rows", i), activityOf(4, 40, fmt.Sprint("half", i), now.AddDate(0, -i, 0)))
	}
	who := erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(1, 2)}}
	e := beginErasing(t, s, who)
	countErasing(t, e)
	must(t, s, "SYSTEM STOP MERGES {db}.events")
	err := e.Delete(t.Context(), func(string, string) error {
		must(t, s, "DROP TABLE {db}."+e.table+"_acts SYNC")
		must(t, s, "SYSTEM START MERGES {db}.events")
		return nil
	})
	var e2 *Error
	if !errors.Is(err, ErrMutation) || !errors.As(err, &e2) || e2.Code != codeUnknownTable {
		t.Fatal(err)
	}
	if got := one(t, s, "SELECT toString(countIf(NOT is_done)) FROM system.mutations WHERE database = 'halfway'"); got != "0" {
		t.Fatal("the mutation is still there")
	}
	e = beginErasing(t, s, who)
	countErasing(t, e)
	finish(t, e)
	if got := one(t, s, "SELECT toString(count()) FROM halfway.events"); got != "90" {
		t.Fatal(got)
	}
}

// testKilled: an engine that is killed under a mutation says afterwards that it is
// done, over an empty table. Nobody takes its word.
func testKilled(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(4, 40, "killed", time.Now().UTC().Truncate(time.Millisecond)))
	who := erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(1, 3)}}
	e := beginErasing(t, s, who)
	countErasing(t, e)
	must(t, s, "SYSTEM STOP MERGES {db}.events")
	pid, issued := room.PID(), ""
	err := e.Delete(t.Context(), func(_, mutation string) error {
		issued = mutation
		room.Kill()
		return nil
	})
	if err == nil || issued == "" {
		t.Fatal(err, issued)
	}
	room.Restarted(t, pid, 20*time.Second)
	again(t, func(ctx context.Context) error { _, err := e.Prove(ctx); return err }, ErrErasingGone)
	again(t, func(ctx context.Context) error { e, err = s.Erasing(ctx); return err }, nil)
	if err := e.Add(t.Context(), []erase.Person{who}); err != nil {
		t.Fatal(err, errDetail(err))
	}
	if left, err := e.Prove(t.Context()); !errors.Is(err, ErrLeft) || left["events"] != 10 {
		t.Fatal(left, err)
	}
	finish(t, e)
}

// again tries until the wanted answer comes, for as long as the engine is away.
func again(t *testing.T, do func(ctx context.Context) error, want error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := do(ctx)
		if err == nil && want == nil || want != nil && errors.Is(err, want) {
			return
		}
		if e, ok := errors.AsType[*Error](err); !ok || !e.Transient() || ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

// testBesideRekey: rows are not rewritten while others are taken away, nor the other
// way round, whichever comes first and whoever has died.
func testBesideRekey(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(10, 100, "beside", time.Now().UTC().Truncate(time.Millisecond)))
	r := begin(t, s, 10)
	ids, err := r.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	copied, erasing := make(chan struct{}), make(chan error, 1)
	r.afterCopy = func() { // an erasing begins, and waits until the exchange is over
		go func() {
			e, err := s.Erasing(t.Context())
			if err == nil {
				select {
				case <-copied:
				default:
					err = errors.New("it did not wait for the copy")
				}
				err = errors.Join(err, e.End(t.Context()))
			}
			erasing <- err
		}()
		eventually(t, s, "SELECT toString(count()) FROM system.tables WHERE database = 'rekeyed' AND startsWith(name, 'erasing_')", "1")
		close(copied)
	}
	if rows, err := r.Rewrite(t.Context(), ids[0]); err != nil || rows != 100 {
		t.Fatal(rows, err)
	}
	r.afterCopy = nil
	if err := <-erasing; err != nil {
		t.Fatal(err)
	}
	e := beginErasing(t, s, erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(2, 0), person(1, 0)}})
	countErasing(t, e)
	if _, err := r.Rewrite(t.Context(), ids[0]); !errors.Is(err, ErrErasing) {
		t.Fatal(err)
	}
	if _, err := s.Rekey(t.Context(), event.ScopePerson, 2); !errors.Is(err, ErrErasing) {
		t.Fatal(err)
	}
	finish(t, e)
	all(t, begin(t, s, 10))
	if got := one(t, s, "SELECT toString(count()) FROM rekeyed.events"); got != "90" {
		t.Fatal(got)
	}
}

// testMasked: rows that a mask hides are found by the proof, since they are still in
// the files.
func testMasked(t *testing.T, s *Store, _ *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(4, 40, "masked", time.Now().UTC().Truncate(time.Millisecond)))
	must(t, s, "DELETE FROM {db}.events WHERE startsWith(hex(subject), '01AA00')")
	if got := one(t, s, "SELECT toString(count()) FROM masked.events"); got != "30" {
		t.Fatal(got)
	}
	e := beginErasing(t, s, erase.Person{Mode: erase.ModeErase, Whole: []event.Handle{person(1, 0)}})
	if left, err := e.Prove(t.Context()); !errors.Is(err, ErrLeft) || left["events"] != 10 {
		t.Fatal(left, err)
	}
	finish(t, e)
}

// testRestored: a database that has the lasting tables alone is whole after Migrate,
// and shows nothing until it is said who is hidden.
func testRestored(t *testing.T, s *Store, room *enginetest.Room) {
	t.Helper()
	insert(t, s, "rows", activityOf(4, 40, "backup", time.Now().UTC().Truncate(time.Millisecond)))
	folder := filepath.Join(room.Dir, "backups", "one")
	var tables []string
	for _, name := range Lasting {
		tables = append(tables, "TABLE {db}."+name)
	}
	must(t, s, "BACKUP "+strings.Join(tables, ", ")+" TO File('"+folder+"')")
	must(t, s, "DROP DATABASE {db}")
	must(t, s, "CREATE DATABASE {db}")
	must(t, s, "RESTORE "+strings.Join(tables, ", ")+" FROM File('"+folder+"')")
	for range 2 {
		if err := s.Migrate(t.Context()); err != nil {
			t.Fatal(err, errDetail(err))
		}
	}
	if got := one(t, s, "SELECT toString(tuple((SELECT count() FROM restored.events), (SELECT count() FROM restored.visible_events)))"); got != "(40,0)" {
		t.Fatal(got)
	}
}
