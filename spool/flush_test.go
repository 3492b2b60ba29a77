package spool

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// TestFlushStoresNothing: records before, between and after it are all there is,
// now and after reopening, and nothing is damage.
func TestFlushStoresNothing(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	want := names(0, 10)
	for _, rec := range want {
		if err := s.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		s.put(t, rec)
	}
	if err := s.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats().Records; got != len(want) {
		t.Errorf("%d records wait", got)
	}
	s.stop()
	if err := s.Flush(t.Context()); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	s = start(t, smallConfig(dir), disk{})
	if _, err := os.Stat(filepath.Join(dir, fillerName)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the filler is still there: %v", err)
	}
	if got, damage := s.drain(t); !slices.Equal(got, want) || len(damage)+len(s.Damage()) != 0 {
		t.Errorf("%d records, damage %v %v", len(got), damage, s.Damage())
	}
}

// TestFlushWaitsForTheGroup: it returns no earlier than what gathered before it,
// and not without a committer.
func TestFlushWaitsForTheGroup(t *testing.T) {
	s, err := open(smallConfig(t.TempDir()), testKey, disk{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	ticket, err := s.Put([]byte("x"))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Flush(t.Context()) }()
	select {
	case err := <-done:
		t.Fatalf("it came back before the disk: %v", err)
	case <-s.wake: // its own or that of the record
	}
	s.commitGathered()
	if err := s.Wait(t.Context(), ticket); err != nil {
		t.Error(err)
	}
	s.commitGathered() // when it came too late for the first group
	for open := true; open; {
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
			open = false
		case <-s.wake:
			s.commitGathered()
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// TestFlushIsBounded: the filler is cut off, and a failing disk is told and mended.
func TestFlushIsBounded(t *testing.T) {
	dir := t.TempDir()
	d := &badDisk{}
	var f filler
	for range fillerSize/fillerStep + 3 {
		if err := f.fill(d, dir); err != nil {
			t.Fatal(err)
		}
	}
	if info, err := os.Stat(filepath.Join(dir, fillerName)); err != nil || info.Size() != 3*fillerStep {
		t.Errorf("%v %v", info, err)
	}
	for _, broken := range []func(bool){d.write.Store, d.sync.Store, d.create.Store} {
		broken(true)
		if err := f.fill(d, dir); err == nil && f.file != nil {
			_ = f.close()
			if err := f.fill(d, dir); err == nil {
				t.Error("a failing disk is not told")
			}
		}
		broken(false)
		if err := f.fill(d, dir); err != nil {
			t.Errorf("it does not go on: %v", err)
		}
	}
	if err := errors.Join(f.close(), f.close()); err != nil {
		t.Error(err)
	}
}
