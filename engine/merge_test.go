package engine_test

import (
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"zgoda/engine/enginetest"
)

// TestMergesAreLazy: tables of the engine have what the configuration says of merges,
// and their parts are merged all the same.
func TestMergesAreLazy(t *testing.T) {
	access := enginetest.Start(t)
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{access.Address}, Auth: clickhouse.Auth{Username: access.Admin.User, Password: access.Admin.Password.Reveal()},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	count := func(from string) (n uint64) {
		t.Helper()
		if err := conn.QueryRow(t.Context(), "SELECT count() FROM "+from).Scan(&n); err != nil {
			t.Fatalf("%s: %v", from, err)
		}
		return n
	}
	if n := count("system.merge_tree_settings WHERE (name, value) IN (('merge_selector_base', '15'), ('auto_statistics_types', ''))"); n != 2 {
		t.Fatalf("%d of 2 settings of merges are what the configuration says", n)
	}
	statements := []string{"CREATE DATABASE lazy", "CREATE TABLE lazy.rows (n UInt64) ENGINE = MergeTree ORDER BY n"}
	for range 60 {
		statements = append(statements, "INSERT INTO lazy.rows SELECT 1")
	}
	for _, statement := range statements {
		if err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(30 * time.Second); count("system.parts WHERE database = 'lazy' AND active") >= 20; <-tick.C {
		if time.Now().After(deadline) {
			t.Fatal("sixty small parts are not merged")
		}
	}
	if n := count("lazy.rows"); n != 60 {
		t.Errorf("%d rows of 60 are left", n)
	}
}
