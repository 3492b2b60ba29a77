package activity

import (
	"context"
	"errors"
	"testing"
	"time"

	"zgoda/engine"
	"zgoda/engine/enginetest"
)

func loadOf(t *testing.T, s *Store, table string) TableLoad {
	t.Helper()
	loads, err := s.Tables(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range loads {
		if l.Table == table {
			return l
		}
	}
	t.Fatalf("nothing is told of %s: %v", table, loads)
	return TableLoad{}
}

// TestHealth: what is told of a server is what there is. Who may not look is told so.
func TestHealth(t *testing.T) {
	access := enginetest.Start(t)
	as := func(who engine.Credential) *Store {
		c := DefaultConfig()
		c.Address, c.User, c.Password = access.Address, who.User, who.Password.Reveal()
		s, err := Open(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		return s
	}
	s, writer := as(access.Admin), as(access.Writer)
	if l := loadOf(t, s, "events"); l != (TableLoad{Table: "events"}) {
		t.Errorf("before there are tables: %+v", l)
	}
	if err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Two partitions, of which one has three parts, and a table that is not ours.
	for _, at := range []string{"2026-01-01", "2026-02-01", "2026-02-01", "2026-02-01"} {
		must(t, s, "INSERT INTO {db}.events (received_at, expires_at) SELECT toDateTime64('"+at+" 00:00:00', 3, 'UTC'), toDateTime('2099-01-01 00:00:00', 'UTC') FROM numbers(5)")
	}
	must(t, s, "CREATE TABLE {db}.somebody (x UInt8) ENGINE = MergeTree ORDER BY x")
	must(t, s, "INSERT INTO {db}.somebody VALUES (1)")
	for _, passing := range []string{hiddenPrefix, stampPrefix, mapPrefix} { // there for a moment
		must(t, s, "CREATE TABLE {db}."+passing+"1 (x UInt8) ENGINE = Memory")
	}
	for _, one := range []*Store{s, writer} {
		if names, err := one.Strangers(t.Context()); err != nil || len(names) != 1 || names[0] != "somebody" {
			t.Errorf("taken for somebody else's: %q, %v", names, err)
		}
	}
	if l := loadOf(t, s, "events"); l.Parts != 3 || l.Rows != 20 || l.Mutations != 0 {
		t.Errorf("events: %+v", l)
	}
	must(t, s, "ALTER TABLE {db}.events DELETE WHERE throwIf(received_at < '2026-01-02', 'no') SETTINGS mutations_sync = 0")
	eventually(t, s, "SELECT toString(count()) FROM system.mutations WHERE table = 'events' AND latest_fail_reason != ''", "1")
	if l := loadOf(t, s, "events"); l.Mutations != 1 || l.Failed != 1 || l.OldestUnfinished > time.Minute {
		t.Errorf("events with a mutation that fails: %+v", l)
	}
	if limit, err := s.PartsLimit(t.Context()); err != nil || limit < 100 {
		t.Errorf("limit of parts: %d, %v", limit, err)
	}
	free, size, ok, err := s.Disk(t.Context())
	if err != nil || !ok || free == 0 || size < free {
		t.Errorf("disk: %d of %d, %v, %v", free, size, ok, err)
	}
	var refused *Error
	if _, err := writer.Tables(t.Context()); !errors.As(err, &refused) || refused.Class() != classLogin {
		t.Errorf("who may not look: %v", err)
	}
	for _, who := range []*Store{s, writer} {
		before := time.Now().Add(-time.Millisecond)
		at, err := who.Clock(t.Context())
		if err != nil || at.Before(before) || at.After(time.Now()) {
			t.Errorf("clock: %v, %v", at, err)
		}
	}
}

// TestHealthOfAServerAway: the deadline is the caller's, and the error says that the
// server is away.
func TestHealthOfAServerAway(t *testing.T) {
	c := DefaultConfig()
	c.Address, c.User, c.Password = "127.0.0.1:1", "x", "y"
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if _, err := s.Clock(ctx); err == nil {
		t.Error("a time was told")
	}
	if _, err := s.Tables(ctx); err == nil {
		t.Error("tables were told")
	}
	if _, err := s.PartsLimit(ctx); err == nil {
		t.Error("a limit was told")
	}
	if _, _, _, err := s.Disk(ctx); err == nil {
		t.Error("a disk was told")
	}
}
