package backup_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"filippo.io/age"

	"zgoda/pseudonym/backup"
	"zgoda/pseudonym/keyring"
)

// Whatever was sealed to us as a backup, a restore that fails leaves no keys, and
// one that succeeds is what it says of itself.
func FuzzRestore(f *testing.F) {
	id, err := age.GenerateX25519Identity()
	if err != nil {
		f.Fatal(err)
	}
	const head = `{"head":{"format":"zgoda-keybackup 1","at":"2026-11-22T00:00:00Z"}}` + "\n"
	f.Add([]byte(head))
	f.Add([]byte(head + `{"keys":{}}` + "\n" + `{"end":{}}`))
	f.Add([]byte(head + `{"keys":{"key":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=","sets":{"gate":"AAAA"}}}` + "\n"))
	f.Add([]byte(`{"keys":{}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		var file bytes.Buffer
		sealed, err := age.Encrypt(&file, id.Recipient())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := sealed.Write(text); err != nil {
			t.Fatal(err)
		}
		if err := sealed.Close(); err != nil {
			t.Fatal(err)
		}
		cfg := keyring.Config{Dir: filepath.Join(t.TempDir(), "data")}
		told, err := backup.Restore(t.Context(), &file, []age.Identity{id}, cfg)
		if err == nil {
			err = backup.Check(t.Context(), cfg, told)
			if err != nil {
				t.Fatalf("restored, and not what it says: %v", err)
			}
			return
		}
		if left, _ := os.ReadDir(filepath.Join(cfg.Dir, "keys")); len(left) > 0 || backup.Whole(cfg.Dir) != nil {
			t.Fatalf("%v, and %d files of keys stay", err, len(left))
		}
	})
}
