package identity

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	write := func(name, content string, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	for what, try := range map[string]struct {
		path string
		want error
	}{
		"not there":       {filepath.Join(dir, "none"), fs.ErrNotExist},
		"for its group":   {write("group", "", 0o640), ErrOpen},
		"for others":      {write("others", "", 0o604), ErrOpen},
		"a folder":        {dir, ErrOpen},
		"empty":           {write("empty", "", 0o600), ErrForm},
		"something else":  {write("else", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o600), ErrForm},
		"three of no use": {write("three", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", 0o600), ErrForm},
	} {
		if _, err := Read(try.path); !errors.Is(err, try.want) {
			t.Errorf("%s: %v, want %v", what, err, try.want)
		}
	}
}

// A write that fails leaves what was there.
func TestWriteKeepsTheOldOne(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "id.pem")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	pending, _, err := Request()
	if err != nil {
		t.Fatal(err)
	}
	if err := pending.Write(path, []byte("no certificate"), []byte("no authority")); !errors.Is(err, ErrForm) {
		t.Errorf("written: %v", err)
	}
	content, err := os.ReadFile(path)
	entries, errs := os.ReadDir(dir)
	if err != nil || errs != nil || string(content) != "old" || len(entries) != 1 {
		t.Errorf("%q, %d files, %v %v", content, len(entries), err, errs)
	}
}

// FuzzParse: nothing but three blocks that belong together is an identity.
func FuzzParse(f *testing.F) {
	f.Add([]byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		id, err := parse(content)
		if (id == nil) != (err != nil) {
			t.Fatal("neither an identity nor an error")
		}
	})
}
