package cli_test

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/cli"
)

func TestAccessRoundTrip(t *testing.T) {
	data := filepath.Join(t.TempDir(), "data")
	want := cli.Access{URL: "http://127.0.0.1:8081", Token: "zgl_x", PID: 7}
	for range 2 { // over an old one too
		if err := cli.WriteAccess(data, want); err != nil {
			t.Fatal(err)
		}
	}
	info, err := os.Stat(filepath.Join(data, "run", "console.json"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
	got, err := cli.ReadAccess(data)
	if err != nil || got.URL != want.URL || got.Token != want.Token || got.PID != want.PID {
		t.Fatalf("read back differs: %v", err)
	}
	entries, err := os.ReadDir(filepath.Join(data, "run"))
	if err != nil || len(entries) != 1 {
		t.Errorf("left behind: %d files, %v", len(entries), err)
	}
	for range 2 {
		if err := cli.RemoveAccess(data); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := cli.ReadAccess(data); !errors.Is(err, cli.ErrNotRunning) {
		t.Errorf("after removal: %v", err)
	}
}

func TestAccessIsRedacted(t *testing.T) {
	a := cli.Access{URL: "http://127.0.0.1:1", Token: "canary"}
	if all := fmt.Sprintf("%v %+v %#v %s %q", a, a, a, a, a.LogValue()); strings.Contains(all, "canary") {
		t.Errorf("it shows: %s", all)
	}
}

func TestAccessRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		content string
		mode    fs.FileMode
	}{
		"group can read":    {`{"url":"http://127.0.0.1:1","token":"canary"}`, 0o640},
		"others can write":  {`{"url":"http://127.0.0.1:1","token":"canary"}`, 0o602},
		"empty":             {``, 0o600},
		"not JSON":          {`canary`, 0o600},
		"no token":          {`{"url":"http://127.0.0.1:1"}`, 0o600},
		"no url":            {`{"token":"canary"}`, 0o600},
		"another scheme":    {`{"url":"file:///canary","token":"canary"}`, 0o600},
		"url without host":  {`{"url":"http:","token":"canary"}`, 0o600},
		"url with controls": {`{"url":"http://\u0000canary","token":"canary"}`, 0o600},
	} {
		data := t.TempDir()
		path := filepath.Join(data, "run", "console.json")
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, c.mode); err != nil {
			t.Fatal(err)
		}
		if _, err := cli.ReadAccess(data); err == nil || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
