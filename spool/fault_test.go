package spool

import (
	"errors"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
)

// badDisk fails the calls that a test names.
type badDisk struct {
	disk
	create, write, sync, truncate atomic.Bool
}

type badFile struct {
	file
	d *badDisk
}

func (d *badDisk) Create(path string) (file, error) {
	if d.create.Load() {
		return nil, syscall.ENOSPC
	}
	f, err := d.disk.Create(path)
	return badFile{f, d}, err
}

func (f badFile) Write(p []byte) (int, error) {
	if f.d.write.Load() {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.file.Write(p)
}

func (f badFile) Sync() error {
	if f.d.sync.Load() {
		return syscall.EIO
	}
	return f.file.Sync()
}

func (f badFile) Truncate(n int64) error {
	if f.d.truncate.Load() {
		return syscall.EIO
	}
	return f.file.Truncate(n)
}

// TestDiskFails: no false promise, an error that says so, nothing of the group is
// handed out now or after a restart, and the spool goes on when the disk does.
func TestDiskFails(t *testing.T) {
	for name, breaks := range map[string]func(d *badDisk, now bool){
		"disk_full":      func(d *badDisk, now bool) { d.write.Store(now); d.create.Store(now) },
		"sync_fails":     func(d *badDisk, now bool) { d.sync.Store(now) },
		"nothing_works":  func(d *badDisk, now bool) { d.sync.Store(now); d.write.Store(now); d.truncate.Store(now) },
		"no_cut_no_sync": func(d *badDisk, now bool) { d.sync.Store(now); d.truncate.Store(now) },
	} {
		t.Run(name, func(t *testing.T) {
			d, dir := &badDisk{}, t.TempDir()
			s := start(t, smallConfig(dir), d)
			s.put(t, "before")
			breaks(d, true)
			ticket, err := s.Put([]byte("given up"))
			if err != nil {
				t.Fatal(err)
			}
			if err := s.Wait(t.Context(), ticket); !errors.Is(err, ErrFailed) {
				t.Fatalf("promised on a failed disk: %v", err)
			}
			if _, err := s.Put([]byte("x")); name != "disk_full" && !errors.Is(err, ErrFailed) {
				t.Fatalf("Put while the disk fails: %v", err)
			}
			breaks(d, false)
			eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
			s.put(t, "after")
			want := []string{"before", "after"}
			if got, _ := s.drain(t); !slices.Equal(got, want) {
				t.Fatalf("got %v", got)
			}
			s.stop()
			s = start(t, smallConfig(dir), disk{})
			if got, _ := s.drain(t); !slices.Equal(got, want) || len(s.Damage()) != 0 {
				t.Fatalf("after a restart: %v, damage %v", got, s.Damage())
			}
		})
	}
}
