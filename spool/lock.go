package spool

import (
	"errors"
	"fmt"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// lockPoll is how often a locked folder is tried again: the kernel tells nobody
// when a lock falls.
const lockPoll = 50 * time.Millisecond

// lockFolder takes the lock that keeps two processes from one spool. It ends
// with the process, however that ends, so a dying one is waited for.
func lockFolder(path string, patience time.Duration) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lock the spool's folder: %w", err)
	}
	deadline := time.Now().Add(patience)
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case err == nil:
			return f, nil
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EWOULDBLOCK):
			return nil, errors.Join(fmt.Errorf("lock the spool's folder: %w", err), f.Close())
		case !time.Now().Before(deadline):
			return nil, errors.Join(ErrLocked, f.Close())
		}
		time.Sleep(min(lockPoll, time.Until(deadline)))
	}
}
