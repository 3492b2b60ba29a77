package spool

import (
	"errors"

	"golang.org/x/sys/unix"
)

// Sync waits until data and length are on disk; times are left out.
func (f diskFile) Sync() error {
	for {
		err := unix.Fdatasync(int(f.Fd()))
		if err != unix.EINTR {
			return err
		}
	}
}

// Reserve takes room from the disk without changing the length, where the file
// system can.
func (f diskFile) Reserve(size int64) error {
	for {
		err := unix.Fallocate(int(f.Fd()), unix.FALLOC_FL_KEEP_SIZE, 0, size)
		switch err {
		case unix.EINTR:
		case unix.EOPNOTSUPP, unix.ENOSYS:
			return nil
		default:
			return err
		}
	}
}

// unreadable says whether an error is the medium's: it, or the file system on it,
// cannot give the bytes back.
func unreadable(err error) bool {
	return errors.Is(err, unix.EIO) || errors.Is(err, unix.EBADMSG) || errors.Is(err, unix.EUCLEAN)
}
