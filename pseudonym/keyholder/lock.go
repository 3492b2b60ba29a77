package keyholder

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// ErrServed is returned when another keyholder has the folder or the socket.
var ErrServed = errors.New("another keyholder serves it")

// lockPoll is how often a locked folder is tried again. The kernel tells nobody
// when a lock falls.
const lockPoll = 50 * time.Millisecond

// lock takes the folder for this process. It waits for a process that is dying;
// the lock falls with the process, however that ends.
func lock(ctx context.Context, dir string, wait time.Duration) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the folder: %w", err)
	}
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	again := time.NewTicker(lockPoll)
	defer again.Stop()
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock the folder: %w", err), f.Close())
		}
		select {
		case <-again.C:
		case <-deadline.C:
			return nil, errors.Join(fmt.Errorf("%s: %w", dir, ErrServed), f.Close())
		case <-ctx.Done():
			return nil, errors.Join(fmt.Errorf("lock the folder: %w", context.Cause(ctx)), f.Close())
		}
	}
}
