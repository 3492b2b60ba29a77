package spool

import "golang.org/x/sys/unix"

// Sync waits until data and length are on disk; times are left out.
func (f diskFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}
