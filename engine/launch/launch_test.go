package launch

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func library(t *testing.T) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestDiskFullIsSaidInWords(t *testing.T) {
	c := Config{Library: library(t), Dir: filepath.Join(t.TempDir(), "d"), Port: 1, LockWait: time.Second}
	_, err := prepare(&c, func(string) (uint64, error) { return minFree - 1, nil }, nil)
	if err == nil || !strings.Contains(err.Error(), "full") || !strings.Contains(err.Error(), "make room") || !strings.Contains(err.Error(), c.Dir) {
		t.Fatal(err)
	}
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	first, err := lock(dir, time.Second, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock(dir, 100*time.Millisecond, nil); err == nil || !strings.Contains(err.Error(), "locked by another instance (process ") {
		t.Fatal(err)
	}
	stop := make(chan struct{})
	close(stop)
	if _, err := lock(dir, time.Minute, stop); !errors.Is(err, errStopped) {
		t.Fatal(err)
	}
	timer := time.AfterFunc(150*time.Millisecond, func() { _ = first.Close() })
	defer timer.Stop()
	second, err := lock(dir, 10*time.Second, nil) // waits for a dying one
	if err != nil {
		t.Fatal(err)
	}
	_ = second.Close()
}

func TestClassifyRepeatsNothing(t *testing.T) {
	for text, want := range map[string]string{
		"Code: 243. DB::Exception: jana@example.org NOT_ENOUGH_SPACE":    "full",
		"jana@example.org: errno: 28, strerror: No space left on device": "full",
		"Code: 210. jana@example.org Address already in use":             "taken",
		"Cannot lock file jana@example.org":                              "locked",
		"jana@example.org Permission denied":                             "belongs to this user",
		"jana@example.org is a row":                                      "",
		"":                                                               "",
	} {
		err := classify(text, "/data", 9000)
		switch {
		case want == "" && err != nil, want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%q: %v", text, err)
		case err != nil && strings.Contains(err.Error(), "jana"):
			t.Errorf("repeats content: %v", err)
		}
	}
}

func TestReadPassword(t *testing.T) {
	if got, err := ReadPassword(strings.NewReader("secret\n")); err != nil || got != "secret" {
		t.Fatal(got, err)
	}
	if _, err := ReadPassword(strings.NewReader("\n")); err == nil {
		t.Fatal("an empty password was taken")
	}
}

func TestValidate(t *testing.T) {
	err := Config{}.Validate()
	for _, key := range []string{"--data", "--config", "--user", "--port"} {
		if err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s is not named in %v", key, err)
		}
	}
}
