package activity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"zgoda/activity"
	"zgoda/engine/enginetest"
)

// TestOtherTables: a table that has more than this program knows takes rows, and
// one that has less, or another type, is named as the trouble until it is mended.
func TestOtherTables(t *testing.T) {
	room := enginetest.StartRoom(t)
	admin := open(t, room.Access.Address, room.Access.Admin)
	if err := admin.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := rowsOf(10, "other")
	refused := func(token string) {
		t.Helper()
		var e *activity.Error
		err := admin.Insert(t.Context(), token, encoded(rows))
		if !errors.As(err, &e) || e.Class() != "schema" || e.Poison() || !e.Unsent() {
			t.Fatalf("%s: %v", token, err)
		}
	}
	change := func(statement string) {
		t.Helper()
		if err := activity.Exec(t.Context(), admin, statement); err != nil {
			t.Fatal(err, detail(err))
		}
	}
	change("ALTER TABLE {db}.events ADD COLUMN later String DEFAULT 'soon'")
	write(t, admin, "more", rows)
	if got := ask(t, admin, "SELECT DISTINCT later FROM events"); got != "soon\n" {
		t.Fatal(got)
	}
	change("ALTER TABLE {db}.events DROP COLUMN source_tag")
	refused("less")
	change("ALTER TABLE {db}.events ADD COLUMN source_tag String")
	write(t, admin, "a plain text in place of words", rows)
	change("ALTER TABLE {db}.events MODIFY COLUMN page_path LowCardinality(String)")
	write(t, admin, "words in place of a plain text", rows)
	if got := ask(t, admin, "SELECT count(), uniqExact(page_path), any(page_path) FROM events"); got != "30\t1\t/p\n" {
		t.Fatal(got)
	}
	change("ALTER TABLE {db}.events MODIFY COLUMN purposes UInt64")
	refused("another width")
}

// TestManyWords: dictionaries of more than a byte and than two bytes of words.
func TestManyWords(t *testing.T) {
	room := enginetest.StartRoom(t)
	admin := open(t, room.Access.Address, room.Access.Admin)
	if err := admin.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{255, 256, 300, 70_000} {
		rows := rowsOf(n, fmt.Sprint("words", n))
		for i := range rows {
			rows[i].Name = fmt.Sprintf("%s name %d", strings.Repeat("x", i%150), i)
			rows[i].Browser = fmt.Sprint(n)
		}
		write(t, admin, fmt.Sprint("words", n), rows)
		got := ask(t, admin, fmt.Sprintf("SELECT count(), countIf(name = concat(repeat('x', toUInt64(splitByChar('-', message_id)[2]) %% 150), ' name ', splitByChar('-', message_id)[2])) FROM events WHERE browser = '%d'", n))
		if want := fmt.Sprintf("%d\t%d\n", n, n); got != want {
			t.Fatalf("%d words: %s", n, got)
		}
	}
}
