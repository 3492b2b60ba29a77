package restore

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// packed is a backup of two files, as a tar.
func packed(t *testing.T) []byte {
	t.Helper()
	dir := t.TempDir()
	paths := map[string]string{}
	for name, text := range map[string]string{ControlFile: "the ledger", TablesFile: "the rows"} {
		paths[name] = filepath.Join(dir, name)
		if err := os.WriteFile(paths[name], []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var b bytes.Buffer
	if err := Archive(t.Context(), &b, Manifest{Made: noon, Restorable: noon.AddDate(0, 0, 35), Erasures: []string{"r_1"}}, paths); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpacked(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "backup")
	m, err := Unpack(t.Context(), bytes.NewReader(packed(t)), dir)
	if err != nil || len(m.Files) != 2 || !m.Made.Equal(noon) {
		t.Fatal(m, err)
	}
	return dir
}

func placesIn(t *testing.T) Places {
	t.Helper()
	data := t.TempDir()
	return Places{Run: filepath.Join(data, "run"), Control: filepath.Join(data, "control", "control.db"), Tables: filepath.Join(data, "clickhouse", "backups")}
}

// TestBackupIsPutInPlace: after Apply the files are where the next start looks for
// them, and it knows that it is one after a restore.
func TestBackupIsPutInPlace(t *testing.T) {
	in, to := unpacked(t), placesIn(t)
	if err := os.MkdirAll(filepath.Dir(to.Control), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, old := range []string{"", "-wal", "-shm"} {
		if err := os.WriteFile(to.Control+old, []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Apply(t.Context(), in, to, false, noon); !errors.Is(err, ErrThere) {
		t.Error(err)
	}
	if p, err := ReadPending(to.Run); p != nil || err != nil {
		t.Error("a restore that was refused has left something", err)
	}
	for range 2 { // again after a crash
		if _, err := Apply(t.Context(), in, to, true, noon); err != nil {
			t.Fatal(err)
		}
	}
	p, err := ReadPending(to.Run)
	if err != nil || p == nil || !p.Made.Equal(noon) {
		t.Fatal(p, err)
	}
	for path, want := range map[string]string{to.Control: "the ledger", filepath.Join(to.Tables, p.Tables): "the rows"} {
		if got, err := os.ReadFile(path); err != nil || string(got) != want {
			t.Errorf("%q, want %q: %v", got, want, err)
		}
	}
	for _, old := range []string{"-wal", "-shm"} {
		if _, err := os.Lstat(to.Control + old); !errors.Is(err, os.ErrNotExist) {
			t.Error("the write-ahead log of the old store is there", err)
		}
	}
	if err := EndPending(to.Run); err != nil {
		t.Error(err)
	}
	if p, err := ReadPending(to.Run); p != nil || err != nil {
		t.Error(p, err)
	}
}

// TestOldBackupIsRefused: the journal does not know any more who was erased since.
func TestOldBackupIsRefused(t *testing.T) {
	in, to := unpacked(t), placesIn(t)
	if _, err := Apply(t.Context(), in, to, true, noon.AddDate(0, 0, 35).Add(time.Second)); !errors.Is(err, ErrTooOld) {
		t.Error(err)
	}
	if _, err := os.Lstat(to.Control); !errors.Is(err, os.ErrNotExist) {
		t.Error("something was put in place", err)
	}
}

// TestAlteredBackupIsRefused: a byte that was changed anywhere, and a tar that was cut.
func TestAlteredBackupIsRefused(t *testing.T) {
	for _, name := range []string{ControlFile, TablesFile} {
		in := unpacked(t)
		if err := os.WriteFile(filepath.Join(in, name), []byte("the mows"), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Apply(t.Context(), in, placesIn(t), true, noon); !errors.Is(err, ErrBackup) {
			t.Error(name, err)
		}
		if err := os.Remove(filepath.Join(in, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := Apply(t.Context(), in, placesIn(t), true, noon); !errors.Is(err, ErrBackup) {
			t.Error(name, err)
		}
	}
	whole := packed(t)
	for n := 0; n < len(whole)-1024; n += 100 { // the last two blocks are empty
		if _, err := Unpack(t.Context(), bytes.NewReader(whole[:n]), filepath.Join(t.TempDir(), "b")); err == nil && n < 4*512+1 {
			t.Errorf("cut at %d of %d", n, len(whole))
		}
	}
	for _, text := range []string{`{"version":2}`, `{`, `{"version":1,"files":[{"name":"../x"}]}`} {
		in := unpacked(t)
		if err := os.WriteFile(filepath.Join(in, manifestFile), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := Check(in); err == nil {
			t.Errorf("%s is taken", text)
		}
	}
}
