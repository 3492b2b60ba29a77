package activity

import (
	"fmt"
	"testing"
	"time"

	"zgoda/engine/enginetest"
)

// schemaStore is a store of a real engine and a database, which is made when the
// first migration is applied.
func schemaStore(t *testing.T, address, user, password, database string) *Store {
	t.Helper()
	c := DefaultConfig()
	c.Address, c.User, c.Password, c.Database = address, user, password, database
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// one returns the one text that a query answers with.
func one(t *testing.T, s *Store, query string, args ...any) (text string) {
	t.Helper()
	if err := s.conn.QueryRow(t.Context(), query, args...).Scan(&text); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return text
}

// must runs a statement; {db} is the store's database.
func must(t *testing.T, s *Store, statement string) {
	t.Helper()
	if err := s.exec(t.Context(), "test", statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

// eventually asks until the answer is the wanted one.
func eventually(t *testing.T, s *Store, query, want string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); one(t, s, query) != want; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatalf("%s: %s, want %s", query, one(t, s, query), want)
		}
	}
}

// contentOf is a number for all that the rows of a table hold, in any order.
const contentOf = "SELECT concat(toString(count()), ' ', toString(sum(cityHash64(site, ts, received_at, message_id, toString(scope), subject, visitor, " +
	"type, name, page_host, page_path, page_query, page_title, referrer_host, referrer_path, campaign_name, browser, os, device, country, source_tag, " +
	"purposes, decided_by, policy_version, key_version, `group`, properties, expires_at, stored_on)))) FROM "

// TestRowsSurviveMigrations: rows that a table of an earlier version holds are the
// same afterwards, while the old form is still in the files and when it is not,
// and the table is the one that a fresh start makes.
func TestRowsSurviveMigrations(t *testing.T) {
	access := enginetest.Start(t)
	list, err := migrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	admin := func(database string) *Store {
		return schemaStore(t, access.Address, access.Admin.User, access.Admin.Password.Reveal(), database)
	}
	fresh := admin("fresh")
	if err := fresh.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for from := 1; from < len(list); from++ {
		t.Run(list[from-1].name, func(t *testing.T) {
			name := fmt.Sprintf("from%d", from)
			s := admin(name)
			if err := s.migrate(t.Context(), list[:from]); err != nil {
				t.Fatal(err)
			}
			for _, batch := range []int{0, 1} { // parts of both forms, since rows of the second make wide ones
				must(t, s, fmt.Sprintf(oldRows, batch*1000, []int{1000, 60_000}[batch]))
			}
			before := one(t, s, contentOf+name+".events")
			if err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := one(t, s, contentOf+name+".events"); got != before {
				t.Errorf("content %s, before the migrations %s", got, before)
			}
			eventually(t, s, "SELECT toString(countIf(NOT is_done)) FROM system.mutations WHERE database = '"+name+"'", "0")
			must(t, s, "OPTIMIZE TABLE {db}.events FINAL")
			if got := one(t, s, contentOf+name+".events"); got != before {
				t.Errorf("content %s after merging, before the migrations %s", got, before)
			}
			for _, table := range []string{"events", "links", "daily_activity", "daily_visitors", "hidden", "erasures_done", "visible_events", "profiled_events", "decidable_events"} {
				const create = "SELECT replaceAll(create_table_query, concat(database, '.'), '') FROM system.tables WHERE database = ? AND name = ?"
				if got, want := one(t, s, create, name, table), one(t, s, create, "fresh", table); got != want {
					t.Errorf("%s migrated:\n%s\nfresh:\n%s", table, got, want)
				}
			}
		})
	}
}

// oldRows are rows in the columns of the first migration.
const oldRows = "INSERT INTO {db}.events (site, ts, received_at, message_id, scope, subject, visitor, type, name, page_host, page_path, page_query, page_title, " +
	"referrer_host, referrer_path, campaign_name, browser, os, device, country, source_tag, purposes, decided_by, policy_version, key_version, `group`, properties, expires_at) " +
	"SELECT 'shop', now64(3) - number, now64(3) - intDiv(number, 2), concat('id-', toString(number)), 'person', sipHash128(number %% 77), sipHash128(number %% 99), " +
	"'page', 'Viewed', 'shop.example', concat('/p/', toString(number)), 'page=1', concat('Title ', toString(number %% 300)), 'ref.example', concat('/r/', toString(number %% 50)), " +
	"'mail', 'Firefox', 'Linux', 'desktop', 'SK', 'web', 6, 'visitor', 3, 1, toString(number), concat('{\"sku\":\"', toString(number), '\",\"text\":\"', repeat('x', number %% 400), '\"}'), " +
	"now() + INTERVAL 1 YEAR FROM numbers(%d, %d)"
