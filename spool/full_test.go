package spool

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// smallDisk has room for so many bytes, and takes what fits of a write.
type smallDisk struct {
	disk
	mu    sync.Mutex
	room  int64
	taken map[string]int64 // by path: the length, or what was reserved
}

type smallFile struct {
	file
	d    *smallDisk
	size *int64 // of what was written
	path string
}

func (d *smallDisk) Create(path string) (file, error) {
	f, err := d.disk.Create(path)
	return smallFile{f, d, new(int64), path}, err
}

func (d *smallDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += d.taken[path]
	delete(d.taken, path)
	return d.disk.Remove(path)
}

func (d *smallDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.room += d.taken[to]
	d.taken[to] = d.taken[from]
	delete(d.taken, from)
	return d.disk.Rename(from, to)
}

// grow takes room for a file of that size and returns how much of it there is.
func (d *smallDisk) grow(path string, size int64) (int64, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	more := max(0, size-d.taken[path])
	got := min(more, d.room)
	d.room -= got
	d.taken[path] += got
	if got < more {
		return d.taken[path], syscall.ENOSPC
	}
	return size, nil
}

func (f smallFile) Write(p []byte) (int, error) {
	there, full := f.d.grow(f.path, *f.size+int64(len(p)))
	n, err := f.file.Write(p[:there-*f.size])
	*f.size += int64(n)
	return n, errors.Join(err, full)
}

func (f smallFile) Reserve(n int64) error {
	_, err := f.d.grow(f.path, n)
	return err
}

func (f smallFile) Truncate(n int64) error {
	f.d.mu.Lock()
	f.d.room += f.d.taken[f.path] - n
	f.d.taken[f.path] = n
	f.d.mu.Unlock()
	*f.size = n
	return f.file.Truncate(n)
}

const diskBytes = 1 << 20

// emptied removes what a test left, for the next one on the same disk.
func emptied(t *testing.T, dir string) {
	t.Helper()
	for _, e := range mustReadDir(t, dir) {
		if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
}

// fullDisks are a folder on a disk of a megabyte each: one that is told to be
// small, and one that is where the test may mount it.
func fullDisks(t *testing.T) map[string]func(t *testing.T) (string, files) {
	t.Helper()
	disks := map[string]func(t *testing.T) (string, files){
		"injected": func(t *testing.T) (string, files) {
			t.Helper()
			return t.TempDir(), &smallDisk{room: diskBytes, taken: map[string]int64{}}
		},
	}
	if dir, ok := mountSmall(t); ok {
		disks["mounted"] = func(*testing.T) (string, files) { return dir, disk{} }
	} else {
		t.Log("a small file system cannot be mounted here: the injected one stands for it")
	}
	return disks
}

// fill puts records until the disk refuses one, and returns those promised.
func (r *running) fill(tb testing.TB, from int) (promised []string) {
	tb.Helper()
	for _, name := range names(from, from+5000) {
		rec := name + strings.Repeat("x", 2000)
		ticket, err := r.Put([]byte(rec))
		if err == nil {
			err = r.Wait(tb.Context(), ticket)
		}
		if errors.Is(err, ErrFailed) {
			return promised
		}
		if err != nil {
			tb.Fatalf("after %d records: %v", len(promised), err)
		}
		promised = append(promised, rec)
	}
	tb.Fatal("the disk never filled")
	return nil
}

// ship takes n records and releases them.
func (r *running) ship(tb testing.TB, n int) (shipped []string) {
	tb.Helper()
	ctx, stop := context.WithTimeout(tb.Context(), 20*time.Second)
	defer stop()
	b, err := r.Next(ctx, n, 0)
	if err != nil {
		tb.Fatalf("next on a full disk: %v", err)
	}
	// The committer, which tries whether there is room, may hold all of it for a moment.
	eventually(tb, "released on a full disk", func() bool { return r.Release(b.Range) == nil })
	for _, rec := range b.Records {
		shipped = append(shipped, string(rec))
	}
	return shipped
}

// TestFullDisk: the spool fills a disk itself. Nothing is promised that is not
// there, the reason is told, what is there can be shipped, by this process or by
// the next one, and then records are taken again without a restart.
func TestFullDisk(t *testing.T) {
	for name, open := range fullDisks(t) {
		for _, restart := range []bool{false, true} {
			t.Run(map[bool]string{false: name, true: name + "_restart"}[restart], func(t *testing.T) {
				dir, fs := open(t)
				cfg := smallConfig(dir)
				cfg.SegmentBytes, cfg.GroupBytes, cfg.MaxRecord, cfg.MaxBytes = 64<<10, 16<<10, 4<<10, 64<<20
				s := start(t, cfg, fs)
				promised := s.fill(t, 0)
				if err := s.Healthy(); !errors.Is(err, ErrFailed) || !noRoom(err) || s.value(t, "failing") != 1 {
					t.Fatalf("healthy: %v", err)
				}
				if len(promised) < 200 || s.Stats().Records != len(promised) {
					t.Fatalf("%d promised, %d there", len(promised), s.Stats().Records)
				}
				if restart {
					s.stop()
					s = start(t, cfg, fs)
					if s.Recovered() != len(promised) || len(s.Damage()) != 0 {
						t.Fatalf("recovered %d of %d, damage %v", s.Recovered(), len(promised), s.Damage())
					}
				}
				shipped := s.ship(t, len(promised)/2)
				eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
				promised = append(promised, s.fill(t, 5000)...)
				rest, damage := s.drain(t)
				if got := append(shipped, rest...); !slices.Equal(got, promised) || len(damage) != 0 {
					t.Fatalf("%d records of %d, damage %v", len(got), len(promised), damage)
				}
				s.stop()
				s = start(t, cfg, fs)
				if got, _ := s.drain(t); !slices.Equal(got, promised[len(shipped):]) || len(s.Damage()) != 0 {
					t.Fatalf("after a restart %d records of %d, damage %v", len(got), len(promised)-len(shipped), s.Damage())
				}
				s.stop()
				emptied(t, dir)
			})
		}
	}
}
