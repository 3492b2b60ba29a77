package private_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"

	"zgoda/pseudonym/private"
)

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := private.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestOpenToOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660, 0o644} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if _, err := private.ReadFile(path); !errors.Is(err, private.ErrOpenToOthers) {
			t.Errorf("mode %o: %v", mode, err)
		}
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if read(t, path) != "x" {
		t.Error("not read")
	}
	dir := filepath.Join(t.TempDir(), "d")
	if err := private.MakeDir(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o750); err != nil {
		t.Fatal(err)
	}
	if err := private.MakeDir(dir); !errors.Is(err, private.ErrOpenToOthers) {
		t.Error(err)
	}
}

func TestTooLarge(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, make([]byte, 1<<20+1), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := private.ReadFile(path); !errors.Is(err, private.ErrTooLarge) {
		t.Error(err)
	}
}

// What a replaced file held is overwritten in its own blocks, which a second
// name of the file still shows.
func TestReplaceOverwrites(t *testing.T) {
	dir := t.TempDir()
	path, second := filepath.Join(dir, "key"), filepath.Join(dir, "second")
	if err := private.WriteFile(path, []byte("the old secret")); err != nil {
		t.Fatal(err)
	}
	if err := os.Link(path, second); err != nil {
		t.Fatal(err)
	}
	if err := private.Replace(path, []byte("new")); err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadFile(second)
	if err != nil || len(left) != len("the old secret") || bytes.Contains(left, []byte("secret")) {
		t.Errorf("%q, %v", left, err)
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 || read(t, path) != "new" {
		t.Errorf("%v, %v, %q", entries, err, read(t, path))
	}
}

// A Replace that was killed is ended by Settle, from each of its states.
func TestSettle(t *testing.T) {
	states := map[string]struct {
		make func(path string) error
		want string
	}{
		"new one written": {func(path string) error {
			return os.WriteFile(path+".tmp", []byte("new"), 0o600)
		}, "old"},
		"old one linked": {func(path string) error {
			return errors.Join(os.WriteFile(path+".tmp", []byte("new"), 0o600), os.Link(path, path+".old"))
		}, "old"},
		"new one in place": {func(path string) error {
			return errors.Join(os.Link(path, path+".old"), os.WriteFile(path+".tmp", []byte("new"), 0o600), os.Rename(path+".tmp", path))
		}, "new"},
	}
	for name, state := range states {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "key")
			if err := errors.Join(private.WriteFile(path, []byte("old")), state.make(path)); err != nil {
				t.Fatal(err)
			}
			if err := private.Settle(path); err != nil {
				t.Fatal(err)
			}
			entries, err := os.ReadDir(filepath.Dir(path))
			if err != nil || len(entries) != 1 || read(t, path) != state.want {
				t.Errorf("%v, %v, %q", entries, err, read(t, path))
			}
		})
	}
	t.Run("the file itself is gone", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path+".old", []byte("old"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := private.Settle(path); err == nil || read(t, path+".old") != "old" {
			t.Errorf("%v", err)
		}
	})
}

func TestShredOfNothing(t *testing.T) {
	if err := private.Shred(filepath.Join(t.TempDir(), "none")); err != nil {
		t.Error(err)
	}
}

// A file that cannot be overwritten to its end is met under its name no more: a
// folder stands for it here, which nobody can write to.
func TestShredTakesTheNameFirst(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	if err := os.Mkdir(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := private.Shred(path); err == nil {
		t.Fatal("a folder was overwritten")
	}
	if there, err := private.Exists(path); err != nil || there {
		t.Errorf("it is there under its name: %v", err)
	}
}

// A Shred that was killed is ended by doing it again, and by Settle.
func TestShredKilled(t *testing.T) {
	for name, again := range map[string]func(string) error{"shred": private.Shred, "settle": private.Settle} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path, second := filepath.Join(dir, "key"), filepath.Join(dir, "second")
			if err := private.WriteFile(path, []byte("the old secret")); err != nil {
				t.Fatal(err)
			}
			if err := errors.Join(os.Link(path, second), os.Rename(path, path+".gone.tmp"), again(path)); err != nil {
				t.Fatal(err)
			}
			left, err := os.ReadFile(second)
			if err != nil || len(left) != len("the old secret") || bytes.Contains(left, []byte("secret")) {
				t.Errorf("%q, %v", left, err)
			}
			if entries, err := os.ReadDir(dir); err != nil || len(entries) != 1 {
				t.Errorf("%v, %v", entries, err)
			}
		})
	}
}
