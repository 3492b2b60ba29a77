package activity

import (
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"zgoda/engine/enginetest"
)

func TestMigrationFiles(t *testing.T) {
	list, err := migrations(migrationFiles)
	if err != nil || len(list) == 0 || list[0].name != "0001_events_links" {
		t.Fatal(list, err)
	}
	if _, err := migrations(fstest.MapFS{"migrations/0002_x.sql": {}}); err == nil {
		t.Fatal("a gap was taken")
	}
}

func TestMigrate(t *testing.T) {
	access := enginetest.Start(t)
	c := DefaultConfig()
	c.Address, c.User, c.Password = access.Address, access.Writer.User, access.Writer.Password.Reveal()
	s, err := Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	var wg sync.WaitGroup
	for range 4 { // two at a time wait for each other
		wg.Go(func() {
			if err := s.Migrate(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	list, err := migrations(migrationFiles)
	if err != nil {
		t.Fatal(err)
	}
	applied, err := s.applied(t.Context())
	if err != nil || len(applied) != len(list) {
		t.Fatal(applied, err)
	}
	changed := append([]migration(nil), list...)
	changed[0].text += " "
	if err := s.migrate(t.Context(), changed); !errors.Is(err, ErrMigrationChanged) {
		t.Error(err)
	}
	more := append(append([]migration(nil), list...), migration{number: uint32(len(list) + 1), name: "more", text: "CREATE TABLE IF NOT EXISTS {db}.more (a UInt8) ENGINE = MergeTree ORDER BY a;\n"})
	if err := s.migrate(t.Context(), more); err != nil {
		t.Fatal(err)
	}
	// The refusal says what is newer and how to go on.
	if err := s.Migrate(t.Context()); !errors.Is(err, ErrSchemaNewer) || !strings.Contains(err.Error(), "has more and") || !strings.Contains(err.Error(), "run the newer version") {
		t.Error(err)
	}
	broken := append(append([]migration(nil), more...), migration{number: uint32(len(list) + 2), name: "broken", text: "CREATE jana@example.org"})
	if err := s.migrate(t.Context(), broken); err == nil || strings.Contains(err.Error(), "jana") {
		t.Error(err)
	}
	if err := s.lockSchema(t.Context()); err != nil { // given back each time, a holder that died is taken over
		t.Fatal(err)
	}
	if err := s.migrate(t.Context(), more); err != nil {
		t.Error(err)
	}
}
