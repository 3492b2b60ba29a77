package vault

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"zgoda/pseudonym/keyring"
)

// logged is the size of the log of changes.
func logged(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path + "-wal")
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// TestSaidIsClearedSoon: what events said in the place of something else, and whoever
// was minted, is in the log of changes for Settle at most.
func TestSaidIsClearedSoon(t *testing.T) {
	path := vaultPath(t)
	synctest.Test(t, func(t *testing.T) {
		v := open(t, path)
		defer func() {
			if err := v.Close(); err != nil {
				t.Error(err)
			}
		}()
		mint(t, v, index(1))
		var at int64
		say := func(what string) {
			t.Helper()
			err := v.NoteEach(t.Context(), []ContactID{contactOf(t, v, index(1))}, func(_ ContactID, c Contents) (err error) {
				at, err = c.PutData(Row{ID: at, Sealed: []byte(what)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		say("said at first")
		say("said in its place")
		if logged(t, path) == 0 || !inFolder(t, path, []byte("said at first")) {
			t.Fatal("it was cleared at once: the test waits for nothing")
		}
		time.Sleep(Settle + time.Second)
		synctest.Wait()
		if n := logged(t, path); n != 0 || inFolder(t, path, []byte("said at first")) || !inFolder(t, path, []byte("said in its place")) {
			t.Errorf("%d bytes in the log, or the wrong datum", n)
		}
		mint(t, v, index(2))
		if logged(t, path) == 0 {
			t.Error("a mint waits for more than the log")
		}
	})
}

// TestDiedBeforeItWasCleared: the next start finishes what a process did not.
func TestDiedBeforeItWasCleared(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	v := b.start(t)
	defer b.close(t)
	id := fill(t, v, 1)
	r, err := readContact(t.Context(), v.db, id)
	if err != nil {
		t.Fatal(err)
	}
	unlock, err := v.lockWriting(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	err = v.transact(t.Context(), []ContactID{id}, func(ctx context.Context, tx *sql.Tx) (func() error, error) {
		return nil, erase(ctx, tx, id)
	})
	if err != nil {
		t.Fatal(err)
	}
	dead := &bed{cfg: Config{Path: filepath.Join(t.TempDir(), "private", filepath.Base(b.cfg.Path))}, slots: b.slots}
	if err := os.CopyFS(filepath.Dir(dead.cfg.Path), os.DirFS(filepath.Dir(b.cfg.Path))); err != nil {
		t.Fatal(err)
	}
	unlock()
	if err := errors.Join(os.Chmod(filepath.Dir(dead.cfg.Path), 0o700), os.Chmod(dead.cfg.Path, 0o600)); err != nil {
		t.Fatal(err)
	}
	if !inFolder(t, dead.cfg.Path, r.salt) {
		t.Fatal("the dead process had cleared it")
	}
	dead.start(t)
	defer dead.close(t)
	if inFolder(t, dead.cfg.Path, r.salt) {
		t.Error("a salt that was erased is in a file after the next start")
	}
}

// stuck is SQLite whose log cannot be cleared.
type stuck struct {
	sqlite

	is bool
}

var errStuck = errors.New("stuck")

func (s *stuck) clear(ctx context.Context, db *sql.DB) error {
	if s.is {
		return errStuck
	}
	return s.sqlite.clear(ctx, db)
}

// TestUnclearedIsNotDone: what is still in the log is not said to be gone, and nothing
// else is written before it is.
func TestUnclearedIsNotDone(t *testing.T) {
	b := &bed{cfg: Config{Path: vaultPath(t)}, slots: newSlots()}
	v := b.start(t)
	defer b.close(t)
	id := fill(t, v, 1)
	r, err := readContact(t.Context(), v.db, id)
	if err != nil {
		t.Fatal(err)
	}
	s := &stuck{sqlite: sqlite{b.cfg.Path}, is: true}
	v.db.dialect = s
	if err := v.Forget(t.Context(), id); !errors.Is(err, errStuck) {
		t.Errorf("error %v", err)
	}
	if err := v.Mint(t.Context(), []keyring.Index{index(5)}); !errors.Is(err, errStuck) {
		t.Errorf("error %v", err)
	}
	if !inFolder(t, b.cfg.Path, r.salt) {
		t.Fatal("it was cleared all the same")
	}
	s.is = false
	if err := v.Mint(t.Context(), []keyring.Index{index(5)}); err != nil {
		t.Error(err)
	}
	if inFolder(t, b.cfg.Path, r.salt) {
		t.Error("a salt that was erased is in a file although the vault writes again")
	}
}
