//go:build !linux

package spool

// Sync waits until the file is on disk.
func (f diskFile) Sync() error { return f.File.Sync() }
