package spool

import (
	"errors"
	"testing"
	"time"
)

// hangingDisk is a real disk whose files do not sync while it hangs.
type hangingDisk struct {
	disk
	held chan chan struct{} // one for each Sync that hangs; closing it lets that one go on
	hang *bool              // read by the committer, changed while it is idle
}

type hangingFile struct {
	file
	d hangingDisk
}

func (d hangingDisk) Create(path string) (file, error) {
	f, err := d.disk.Create(path)
	return hangingFile{f, d}, err
}

func (f hangingFile) Sync() error {
	if *f.d.hang {
		held := make(chan struct{})
		f.d.held <- held
		<-held
	}
	return f.file.Sync()
}

// TestAHangingDiskIsUnhealthy: while the disk does not answer for longer than
// HangAfter nothing is promised and Healthy says why; when it answers all is well.
func TestAHangingDiskIsUnhealthy(t *testing.T) {
	d := hangingDisk{held: make(chan chan struct{}), hang: new(bool)}
	cfg := smallConfig(t.TempDir())
	cfg.HangAfter = time.Millisecond
	s := start(t, cfg, d)
	s.put(t, "before")
	if err := s.Healthy(); err != nil {
		t.Fatalf("healthy at rest: %v", err)
	}
	*d.hang = true
	ticket, err := s.Put([]byte("during"))
	if err != nil {
		t.Fatal(err)
	}
	held := <-d.held
	eventually(t, "unhealthy", func() bool { return errors.Is(s.Healthy(), ErrHangs) })
	if s.waitsForDisk() == 0 {
		t.Error("the wait is not told")
	}
	select {
	case <-ticket.group.done:
		t.Error("a record was promised while the disk hung")
	default:
	}
	*d.hang = false
	close(held)
	if err := s.Wait(t.Context(), ticket); err != nil {
		t.Fatal(err)
	}
	eventually(t, "healthy again", func() bool { return s.Healthy() == nil })
	if got, _ := s.drain(t); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
}
