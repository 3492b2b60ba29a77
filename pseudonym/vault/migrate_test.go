package vault

import (
	"database/sql"
	"errors"
	"slices"
	"testing"

	"zgoda/control/pgtest"
	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// writeSchema1 writes a file as the first release wrote it: contacts 1 to 3, the
// second with two identifiers, the third with two visitors.
func writeSchema1(t *testing.T, path string, slots *slots) (salts []keyring.Salt) {
	t.Helper()
	db, err := openSQLite(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	run := func(statement string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	seal := func(plain []byte, use string, id ContactID) []byte {
		t.Helper()
		sealed, err := slots.Seal(1, plain, bind(use, id))
		if err != nil {
			t.Fatal(err)
		}
		return sealed
	}
	run(sqlite1)
	run("PRAGMA user_version = 1")
	for id := ContactID(1); id <= 3; id++ {
		salt := keyring.Salt{byte(id), 99}
		salts = append(salts, salt)
		run("INSERT INTO contacts (id, salt) VALUES ($1, $2)", id, seal(salt[:], "salt", id))
		run("INSERT INTO identifiers (h2, contact) VALUES ($1, $2)", bytesOf(index(int(id))), id)
	}
	run("INSERT INTO identifiers (h2, contact) VALUES ($1, 2)", bytesOf(index(20)))
	for _, h1 := range []event.Blinded{{1}, {2}} {
		run("INSERT INTO visitors (contact, tag, sealed) VALUES (3, $1, $2)", visitorTag(salts[2], h1), seal(h1[:], "visitor", 3))
	}
	run("DELETE FROM contacts WHERE id = 4") // nothing: the numbers go on at 4
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return salts
}

func bytesOf(i keyring.Index) []byte { return i[:] }

func TestSchema1IsMigrated(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	defer b.close(t)
	want := writeSchema1(t, b.cfg.Path, b.slots)
	v := b.start(t)
	for range 2 {
		if got := salts(t, v, index(1), index(2), index(20), index(3)); !slices.Equal(got, []keyring.Salt{want[0], want[1], want[1], want[2]}) {
			t.Error("other salts")
		}
		if got := visitorsOf(t, v, index(3)); !slices.Equal(got, []event.Blinded{{1}, {2}}) {
			t.Errorf("%d visitors", len(got))
		}
		if slot, link, gate, err := v.Remaining(t.Context(), 1, 1, 0); slot != 3 || link != 4 || gate != 4 || err != nil {
			t.Errorf("%d, %d, %d, %v", slot, link, gate, err)
		}
		v = b.again(t)
	}
	link(t, v, event.Blinded{2}, index(3)) // is there already
	link(t, v, event.Blinded{3}, index(1))
	if got := visitorsOf(t, v, index(3)); len(got) != 2 {
		t.Errorf("%d visitors", len(got))
	}
	mint(t, v, index(4))
	if id := contactOf(t, v, index(4)); id != 4 {
		t.Errorf("number %d", id)
	}
	// Nothing is under the slot key but salts and keys: the old one can go.
	b.slots.next()
	if _, done, err := v.Rewrap(t.Context(), 0, 100); !done || err != nil {
		t.Fatal(err)
	}
	b.slots.destroy(1)
	v = b.again(t)
	if got := visitorsOf(t, v, index(3)); len(got) != 2 {
		t.Errorf("%d visitors after the re-wrap", len(got))
	}
}

// A migration that cannot be ended changes nothing.
func TestFailedMigration(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	defer b.close(t)
	want := writeSchema1(t, b.cfg.Path, b.slots)
	alter(t, b.cfg.Path, "UPDATE visitors SET sealed = substr(sealed, 2) WHERE tag = (SELECT max(tag) FROM visitors)")
	if v, err := OpenUnder(t.Context(), b.cfg, b.slots); !errors.Is(err, ErrSalt) {
		t.Fatalf("error %v, %v", err, v)
	}
	db, err := sql.Open("sqlite", b.cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	var version, visitors int
	err = errors.Join(
		db.QueryRowContext(t.Context(), "PRAGMA user_version").Scan(&version),
		db.QueryRowContext(t.Context(), "SELECT count(*) FROM visitors").Scan(&visitors), db.Close(),
	)
	if version != 1 || visitors != 2 || err != nil {
		t.Errorf("version %d, %d visitors, %v", version, visitors, err)
	}
	alter(t, b.cfg.Path, "DELETE FROM visitors")
	if got := salts(t, b.start(t), index(2)); got[0] != want[1] {
		t.Error("another salt")
	}
}

// second writes what schema 2 of either database has of a contact with data.
func second(t *testing.T, db *sql.DB, slots *slots, statements ...string) {
	t.Helper()
	sealed, err := slots.Seal(1, make([]byte, 32), bind("salt", 1))
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range statements {
		if _, err := db.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO contacts (id, slot, salt) VALUES (1, 1, $1)", sealed); err != nil {
		t.Fatal(err)
	}
	if _, err := db.ExecContext(t.Context(), "INSERT INTO data (contact, sealed) VALUES (1, $1)", []byte("sealed")); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
}

// mayBeMerged: of contacts from before it was noted, those that have data may have
// others merged into them.
func mayBeMerged(t *testing.T, b *bed) {
	t.Helper()
	defer b.close(t)
	v := b.start(t)
	for range 2 {
		if got, err := v.Merged(t.Context()); err != nil || !slices.Equal(got, []ContactID{1}) {
			t.Errorf("%v, %v", got, err)
		}
		v = b.again(t)
	}
}

func TestSchema2IsMigrated(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	db, err := openSQLite(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	second(t, db, b.slots, sqlite1, sqlite2, "PRAGMA user_version = 2")
	mayBeMerged(t, b)
}

func TestPostgresSchema1IsMigrated(t *testing.T) {
	b := &bed{cfg: Config{Address: pgtest.Start(t).Database(t)}, slots: newSlots()}
	db, err := openPostgres(b.cfg)
	if err != nil {
		t.Fatal(err)
	}
	second(t, db, b.slots, "CREATE SCHEMA zgoda_vault", postgresSchema, "CREATE TABLE version (number BIGINT PRIMARY KEY)", "INSERT INTO version VALUES (1)")
	mayBeMerged(t, b)
}
