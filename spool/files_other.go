//go:build !linux

package spool

import (
	"errors"
	"syscall"
)

// Sync waits until the file is on disk.
func (f diskFile) Sync() error { return f.File.Sync() }

// Reserve takes no room here: a disk that is full is met by a write.
func (f diskFile) Reserve(int64) error { return nil }

// unreadable says whether an error is the medium's.
func unreadable(err error) bool { return errors.Is(err, syscall.EIO) }
