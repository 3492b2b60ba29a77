package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/engine"
)

func TestPrepareKeepsSecretsInMemory(t *testing.T) {
	library := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(library, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	run := t.TempDir()
	e, err := engine.New(engine.Config{Dir: t.TempDir(), RunDir: run, Launcher: "zgoda-clickhouse", Library: library})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Command(); err == nil {
		t.Fatal("a command before Prepare")
	}
	if err := e.Ready(t.Context()); err == nil {
		t.Fatal("ready before Prepare")
	}
	first, err := e.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	access, err := e.Prepare()
	if err != nil {
		t.Fatal(err)
	}
	if first.Admin.Password.Reveal() == access.Admin.Password.Reveal() {
		t.Error("the same password twice")
	}
	cmd, err := e.Command()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = cmd.ExtraFiles[0].Close() }()
	seen := strings.Join(cmd.Args, " ") + strings.Join(cmd.Env, " ") + fmt.Sprintf("%v %+v %#v %s", access, access, access, access)
	err = filepath.WalkDir(run, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		seen += string(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []engine.Credential{access.Admin, access.Writer, access.Analyst} {
		if len(c.Password.Reveal()) < 43 || strings.Contains(seen, c.Password.Reveal()) {
			t.Errorf("the password of %s is short or shown", c.User)
		}
	}
	address, err := os.ReadFile(filepath.Join(run, "engine.json"))
	if err != nil || !strings.Contains(string(address), access.Address) {
		t.Fatal(string(address), err)
	}
}

func TestFind(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := filepath.Join(dir, "libchdb.so")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, place := range []string{dir, file} {
		if got, err := engine.Find("", "/does/not/exist", place); err != nil || got != file {
			t.Error(got, err)
		}
		t.Setenv(engine.LibraryVariable, place)
		if got, err := engine.Find(); err != nil || got != file {
			t.Error(got, err)
		}
	}
	t.Setenv(engine.LibraryVariable, "")
	t.Chdir(here)
	real, err := engine.Find()
	if err != nil {
		t.Fatal(err)
	}
	deep := filepath.Join(dir, "a", "b")
	module := filepath.Join(dir, "node_modules", "@chdb", filepath.Base(filepath.Dir(real)))
	for _, d := range []string{deep, module} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Rename(file, filepath.Join(module, "libchdb.so")); err != nil {
		t.Fatal(err)
	}
	t.Chdir(deep)
	if got, err := engine.Find(); err != nil || got != filepath.Join(module, "libchdb.so") {
		t.Error(got, err)
	}
}

func TestConfig(t *testing.T) {
	if err := engine.DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := engine.Config{Port: -1}.Validate()
	for _, key := range []string{"dir", "run_dir", "launcher", "port"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
}
