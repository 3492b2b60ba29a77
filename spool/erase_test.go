package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// ofJana says whether a record is one of the person who wants to be forgotten.
func ofJana(rec []byte) bool { return strings.HasPrefix(string(rec), "jana") }

// mixed returns n records, of which every third is Jana's, and the same with hers
// erased.
func mixed(n int) (before, after []string) {
	for i := range n {
		name := fmt.Sprintf("other-%04d-%s", i, strings.Repeat("x", i%160))
		if i%3 == 1 {
			name = "jana" + name
			after = append(after, "")
		} else {
			after = append(after, name)
		}
		before = append(before, name)
	}
	return before, after
}

// onDisk decrypts every file of a folder whose name holds suffix and returns the
// records, erased ones left out.
func onDisk(tb testing.TB, dir, suffix string) (out []string) {
	tb.Helper()
	for _, e := range mustReadDir(tb, dir) {
		if !strings.Contains(e.Name(), suffix) || e.Name() == reserveName || e.Name() == fillerName {
			continue
		}
		if err := ReadLog(filepath.Join(dir, e.Name()), testKey, func(rec []byte) bool {
			out = append(out, string(rec))
			return true
		}); err != nil {
			tb.Fatal(err)
		}
	}
	return out
}

// TestErase: what is released, handed out, waiting and gathering goes; all else
// stays where it was, now and after a restart.
func TestErase(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	before, after := mixed(60)
	for _, rec := range before {
		s.put(t, rec)
	}
	released, err := s.Next(t.Context(), 7, 0)
	if err != nil || s.Release(released.Range) != nil {
		t.Fatal(err)
	}
	handed, err := s.Next(t.Context(), 20, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Put([]byte("jana comes late")); err != nil { // nobody waits for it
		t.Fatal(err)
	}
	records := s.Stats().Records
	// Of the 7 that are released two are hers, of all 60 twenty, and one comes late.
	if n, waited, err := s.EraseWaiting(t.Context(), ofJana); err != nil || n < 19 || waited != 19 {
		t.Fatalf("erased %d, %d of which waited: %v", n, waited, err)
	}
	if got := s.Stats().Records; got != records+1 {
		t.Errorf("%d records wait, %d before", got, records)
	}
	want := slices.DeleteFunc(slices.Clone(after), func(rec string) bool { return rec == "" })
	got := onDisk(t, dir, segmentSuffix)
	if i := slices.Index(want, got[0]); i < 0 || !slices.Equal(got, want[i:]) {
		t.Fatalf("on disk: %v", got)
	}
	for round := range 2 {
		again, err := s.Read(handed.Range)
		if err != nil || len(again.Records) != 20 {
			t.Fatalf("round %d: %d records, %v", round, len(again.Records), err)
		}
		for i, rec := range again.Records {
			if string(rec) != after[7+i] || again.At(i) != handed.At(i) {
				t.Fatalf("round %d: record %d is %q at %v, want %q at %v", round, i, rec, again.At(i), after[7+i], handed.At(i))
			}
		}
		rest, damage := s.drain(t)
		if want := append(slices.Clone(after[7+20*(1-round):]), ""); !slices.Equal(rest, want) || len(damage)+len(s.Damage()) != 0 {
			t.Fatalf("round %d: %v\nwant %v, damage %v %v", round, rest, want, damage, s.Damage())
		}
		if n, err := s.Erase(t.Context(), ofJana); err != nil || n != 0 {
			t.Fatalf("round %d: erased %d more: %v", round, n, err)
		}
		s.stop()
		s = start(t, smallConfig(dir), disk{})
	}
}

// TestEraseSurvivesACrash: at whatever change to the disk the process dies, each
// record of others is there once, in its place, and the next Erase finishes.
func TestEraseSurvivesACrash(t *testing.T) {
	before, after := mixed(14)
	crashed := 0
	for n := 0; ; n++ {
		dir := t.TempDir()
		d := &crashDisk{left: -1}
		s := start(t, smallConfig(dir), d)
		for _, rec := range before {
			s.put(t, rec)
		}
		d.mu.Lock()
		d.left, d.log = n, nil
		d.mu.Unlock()
		_, err := s.Erase(t.Context(), ofJana)
		left := copyDir(t, dir) // as the dead process leaves it
		d.mu.Lock()
		log := slices.Clone(d.log)
		d.left = -1
		d.mu.Unlock()
		s.stop()

		s = start(t, smallConfig(left), disk{})
		got, damage := s.drain(t)
		if len(got) != len(before) || len(damage)+len(s.Damage()) != 0 {
			t.Fatalf("crash at %d: %d of %d records, damage %v %v", n, len(got), len(before), damage, s.Damage())
		}
		for i := range got {
			if got[i] != before[i] && got[i] != after[i] {
				t.Fatalf("crash at %d: record %d is %q", n, i, got[i])
			}
		}
		if _, err := s.Erase(t.Context(), ofJana); err != nil {
			t.Fatalf("crash at %d: the next one: %v", n, err)
		}
		if slices.ContainsFunc(onDisk(t, left, "."), func(rec string) bool { return ofJana([]byte(rec)) }) {
			t.Fatalf("crash at %d: still on disk", n)
		}
		s.stop()
		if err == nil {
			checkOrder(t, log)
			break
		}
		crashed++
	}
	if crashed < 10 {
		t.Errorf("only %d steps", crashed)
	}
}

// checkOrder: a file is on disk before it takes another's name, and the names are
// on disk at the end.
func checkOrder(t *testing.T, log []string) {
	t.Helper()
	dirty, renames := false, 0
	for _, step := range log {
		switch step {
		case "write":
			dirty = true
		case "sync":
			dirty = false
		case "rename":
			renames++
			if dirty {
				t.Errorf("renamed before it was on disk: %v", log)
			}
		}
	}
	if renames == 0 || log[len(log)-1] != "syncdir" {
		t.Errorf("the names are not on disk: %v", log)
	}
}

// TestEraseBesideEverything: while records are put, read and released, everybody
// else's come out once and in order, and after the last Erase none of hers is
// anywhere.
func TestEraseBesideEverything(t *testing.T) {
	dir := t.TempDir()
	cfg := smallConfig(dir)
	cfg.MaxBytes = 1 << 20
	s := start(t, cfg, disk{})
	before, after := mixed(600)
	var wg sync.WaitGroup
	wg.Go(func() {
		for _, rec := range before {
			ticket, err := s.Put([]byte(rec))
			if err == nil {
				err = s.Wait(t.Context(), ticket)
			}
			if err != nil {
				t.Errorf("put: %v", err)
				return
			}
		}
	})
	erasing, stop := context.WithCancel(t.Context())
	var erasers sync.WaitGroup
	erasers.Go(func() {
		for erasing.Err() == nil {
			if _, err := s.Erase(erasing, ofJana); err != nil && erasing.Err() == nil {
				t.Errorf("erase: %v", err)
				return
			}
		}
	})
	var got []string
	for len(got) < len(before) {
		b, err := s.Next(t.Context(), 13, 0)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := s.Read(b.Range); err != nil || len(again.Records) != len(b.Records) {
			t.Fatalf("read again: %d of %d, %v", len(again.Records), len(b.Records), err)
		}
		for _, rec := range b.Records {
			got = append(got, string(rec))
		}
		if len(got) < 400 {
			if err := s.Release(b.Range); err != nil {
				t.Fatal(err)
			}
		}
	}
	wg.Wait()
	stop()
	erasers.Wait()
	for i := range got {
		if got[i] != before[i] && got[i] != after[i] {
			t.Fatalf("record %d is %q, want %q", i, got[i], before[i])
		}
	}
	if _, err := s.Erase(t.Context(), ofJana); err != nil {
		t.Fatal(err)
	}
	if slices.ContainsFunc(onDisk(t, dir, segmentSuffix), func(rec string) bool { return ofJana([]byte(rec)) }) {
		t.Error("still on disk")
	}
}

// TestEraseSaysWhatItCannotSearch: damaged files are not claimed to be empty, and
// neither is a segment that the disk does not give back.
func TestEraseSaysWhatItCannotSearch(t *testing.T) {
	dir := t.TempDir()
	s := start(t, smallConfig(dir), disk{})
	for _, rec := range append(names(0, 5), "jana") {
		s.put(t, rec)
	}
	path := segmentsIn(t, dir)[0]
	change(t, path, func(b []byte) []byte { b[headerSize+3*groupOfOne+frameSize] ^= 1; return b })
	var damage *CorruptError
	if _, err := s.Erase(t.Context(), ofJana); !errors.As(err, &damage) {
		t.Fatalf("a damaged segment: %v", err)
	}
	s.drain(t) // meets the damage and sets it aside
	if _, err := s.Erase(t.Context(), ofJana); !errors.Is(err, ErrSetAside) {
		t.Fatalf("a file set aside: %v", err)
	}
	if err := os.Remove(path + damagedSuffix); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Erase(t.Context(), ofJana); err != nil {
		t.Fatalf("after somebody took it away: %v", err)
	}
	if got := onDisk(t, dir, segmentSuffix); !slices.Equal(got, names(0, 3)) {
		t.Fatalf("left: %v", got)
	}
	s.stop()
	if _, err := s.Erase(t.Context(), ofJana); !errors.Is(err, ErrClosed) {
		t.Errorf("after the end: %v", err)
	}
	s = start(t, smallConfig(dir), disk{})
	if got, _ := s.drain(t); !slices.Equal(got, names(0, 3)) {
		t.Errorf("after a restart: %v, damage %v", got, s.Damage())
	}
}

// TestEraseTakesWhatWasGivenUp: bytes that a failed disk kept behind the trusted
// end are on disk too.
func TestEraseTakesWhatWasGivenUp(t *testing.T) {
	dir, d := t.TempDir(), &badDisk{}
	s := start(t, smallConfig(dir), d)
	s.put(t, "before")
	d.sync.Store(true)
	d.truncate.Store(true)
	ticket, err := s.Put([]byte("jana given up"))
	if err != nil || !errors.Is(s.Wait(t.Context(), ticket), ErrFailed) {
		t.Fatal("promised on a failed disk")
	}
	if got := onDisk(t, dir, segmentSuffix); !slices.Contains(got, "jana given up") {
		t.Fatalf("the disk kept nothing: %v", got)
	}
	d.sync.Store(false)
	d.truncate.Store(false)
	eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
	if _, err := s.Erase(t.Context(), ofJana); err != nil {
		t.Fatal(err)
	}
	if got := onDisk(t, dir, segmentSuffix); !slices.Equal(got, []string{"before"}) {
		t.Fatalf("on disk: %v", got)
	}
}

func TestTombstones(t *testing.T) {
	for n := 2; n < 300; n++ {
		plain := appendTombstone(appendRecord(nil, []byte("one")), n)
		plain = appendRecord(plain, []byte("two"))
		if len(plain) != 8+n || !wellFormed(plain, 3, true) || wellFormed(plain, 3, false) {
			t.Fatalf("of %d bytes: %x", n, plain)
		}
		_, plain, _ = cutRecord(plain)
		rec, plain, ok := cutRecord(plain)
		if !ok || rec == nil || len(rec) != 0 || string(plain) != "\x03two" {
			t.Fatalf("of %d bytes: %q, then %q", n, rec, plain)
		}
	}
	for _, bad := range []string{"\x00", "\x00\x00", "\x00\x02", "\x80\x00"} {
		if _, _, ok := cutRecord([]byte(bad)); ok {
			t.Errorf("%x was taken", bad)
		}
	}
}
