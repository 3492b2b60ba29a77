package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestEraseInLog: the file being written, those of earlier processes, a torn end
// and damage.
func TestEraseInLog(t *testing.T) {
	dir := t.TempDir()
	for range 2 {
		l, err := OpenLog(dir, ".kept", testKey)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(l.Append([][]byte{[]byte("jana 1"), []byte("other 1")}), l.Append([][]byte{[]byte("jana 2")}), l.Close()); err != nil {
			t.Fatal(err)
		}
	}
	paths, _ := filepath.Glob(filepath.Join(dir, "*.kept"))
	change(t, paths[0], func(b []byte) []byte { return append(b, b[headerSize:headerSize+10]...) })
	if err := os.WriteFile(paths[1]+".tmp", []byte("left by a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	l, err := OpenLog(dir, ".kept", testKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Append([][]byte{[]byte("other 2"), []byte("jana 3")}); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Erase(t.Context(), ofJana); err != nil || n != 5 {
		t.Fatalf("erased %d: %v", n, err)
	}
	if err := l.Append([][]byte{[]byte("other 3")}); err != nil {
		t.Fatal(err)
	}
	if n, err := l.Erase(t.Context(), ofJana); err != nil || n != 0 {
		t.Fatalf("erased %d more: %v", n, err)
	}
	want := []string{"other 1", "other 1", "other 2", "other 3"}
	if got := onDisk(t, dir, "."); !slices.Equal(got, want) {
		t.Fatalf("left: %v", got)
	}
	if err := l.Append([][]byte{[]byte("jana 4")}); err != nil {
		t.Fatal(err)
	}
	paths, _ = filepath.Glob(filepath.Join(dir, "*.kept"))
	change(t, paths[0], func(b []byte) []byte { b[len(b)-1] ^= 1; return b })
	change(t, paths[1], func(b []byte) []byte { b[20] ^= 1; return b })
	if n, err := l.Erase(t.Context(), ofJana); n != 1 || !errors.Is(err, ErrSetAside) {
		t.Fatalf("beside damage: %d, %v", n, err)
	}
	for _, path := range paths[:2] {
		if _, err := os.Stat(path + damagedSuffix); err != nil {
			t.Error(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
}

// TestEraseInLogSurvivesACrash: as that of the spool.
func TestEraseInLogSurvivesACrash(t *testing.T) {
	for n := 0; ; n++ {
		dir := t.TempDir()
		d := &crashDisk{left: -1}
		l, err := OpenLog(dir, ".kept", testKey)
		if err != nil {
			t.Fatal(err)
		}
		l.fs = d
		for range 2 {
			if err := errors.Join(l.Append([][]byte{[]byte("jana"), []byte("other")}), l.Append([][]byte{[]byte("jana")}), l.Close()); err != nil {
				t.Fatal(err)
			}
		}
		d.left, d.log = n, nil
		_, failed := l.Erase(t.Context(), ofJana)
		if l, err = OpenLog(dir, ".kept", testKey); err != nil {
			t.Fatal(err)
		}
		others := 0
		for _, rec := range onDisk(t, dir, ".") {
			if rec == "other" {
				others++
			}
		}
		if _, err := l.Erase(t.Context(), ofJana); err != nil || others != 2 {
			t.Fatalf("crash at %d: %d of 2 records of others, %v", n, others, err)
		}
		if got := onDisk(t, dir, "."); !slices.Equal(got, []string{"other", "other"}) {
			t.Fatalf("crash at %d: left %v", n, got)
		}
		if failed == nil {
			return
		}
	}
}
