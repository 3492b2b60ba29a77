package control

import (
	"crypto/sha256"
	"database/sql"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/pressly/goose/v3"

	"zgoda/consent"
	"zgoda/control/ledger"
)

// TestStoreOfOneChainMigrates: a file that was made when there was one chain for
// all opens, holds what it held, and verifies as the chain of this node.
func TestStoreOfOneChainMigrates(t *testing.T) {
	cfg := config(t)
	cfg.Node = "gate-1"
	if err := os.MkdirAll(filepath.Dir(cfg.Path), 0o700); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", cfg.Path)
	if err != nil {
		t.Fatal(err)
	}
	files, err := fs.Sub(migrations, "migrations/sqlite")
	if err != nil {
		t.Fatal(err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 2); err != nil {
		t.Fatal(err)
	}
	a, b := handle(1), handle(2)
	write := func(query string, args ...any) {
		t.Helper()
		if _, err := db.ExecContext(t.Context(), query, args...); err != nil {
			t.Fatal(err)
		}
	}
	for i, who := range [][]byte{a[:], b[:]} {
		var salt [ledger.SaltSize]byte
		salt[0] = byte(i + 1)
		commitment := ledger.Commit(ledger.PartSubject, salt, who)
		actor := ledger.Commit(ledger.PartActor, salt, []byte("ana"))
		flat := append(commitment[:], make([]byte, 4*32)...)
		copy(flat[3*32:], actor[:])
		hash := sha256.Sum256(flat)
		write(`INSERT INTO ledger VALUES ($1, 'shop', 'analytics', 2, zeroblob(32), 'given', 'explicit', 'dialogue', '', 'sk', FALSE, TRUE, $2, zeroblob(32), $3, zeroblob(32), $4)`,
			i+1, 1_700_000_000_000_000+i, flat, hash[:])
		write(`INSERT INTO part VALUES ($1, 1, $2, $3)`, i+1, salt[:], who)
		write(`INSERT INTO part VALUES ($1, 4, $2, $3)`, i+1, salt[:], []byte("ana"))
		write(`INSERT INTO choice VALUES ('shop', $1, 'analytics', 1, 2, TRUE, FALSE, TRUE, $2)`, who, i+1)
	}
	write(`INSERT INTO subject VALUES ('shop', $1, 1, 2, TRUE, 1)`, a[:])
	write(`UPDATE head SET sequence = 2`)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(cfg.Path, 0o600); err != nil {
		t.Fatal(err)
	}

	s := open(t, cfg)
	heads, err := s.Verify(t.Context())
	if err != nil || len(heads) != 1 || heads[0].Writer != "gate-1" || heads[0].Number != 2 {
		t.Fatalf("%v, %v", heads, err)
	}
	got := found(t, s, Lookup{Handle: a}).Record
	if got.Purposes[3].Choice != consent.ChoiceGiven || got.State != consent.StateRestricted || !got.ProfilingOff || s.Sequence() != 2 {
		t.Errorf("%+v", got)
	}
	if history, err := s.History(t.Context(), site, b, 10); err != nil || len(history) != 1 || !history[0].DNT || history[0].Locale != "sk" || history[0].Actor != "ana" {
		t.Errorf("%d entries, %v", len(history), err)
	}
	appendAll(t, s, entry(a, ledger.StateRefused, "analytics"))
	if heads, err := s.Verify(t.Context()); err != nil || heads[0].Number != 3 {
		t.Errorf("%v, %v", heads, err)
	}
}
