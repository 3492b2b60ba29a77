package spool

import (
	"errors"
	"sync"
)

// errCrashed is what everything answers after the process is dead.
var errCrashed = errors.New("crashed")

// crashDisk dies at its n-th change to the disk: a write is done by half, nothing
// that comes after is done at all. It also keeps the names of the changes.
type crashDisk struct {
	disk
	mu   sync.Mutex
	left int // changes until the crash; below zero is never
	log  []string
}

// step says whether the change is still done; half whether by half.
func (d *crashDisk) step(name string) (half bool, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.left == 0 {
		return false, errCrashed
	}
	if d.left > 0 {
		d.left--
	}
	d.log = append(d.log, name)
	return d.left == 0, nil
}

func (d *crashDisk) Create(path string) (file, error) {
	if _, err := d.step("create"); err != nil {
		return nil, err
	}
	f, err := d.disk.Create(path)
	return crashFile{f, d}, err
}

func (d *crashDisk) Rename(from, to string) error {
	if _, err := d.step("rename"); err != nil {
		return err
	}
	return d.disk.Rename(from, to)
}

func (d *crashDisk) Remove(path string) error {
	if _, err := d.step("remove"); err != nil {
		return err
	}
	return d.disk.Remove(path)
}

func (d *crashDisk) SyncDir(path string) error {
	if _, err := d.step("syncdir"); err != nil {
		return err
	}
	return d.disk.SyncDir(path)
}

type crashFile struct {
	file
	d *crashDisk
}

func (f crashFile) Write(p []byte) (int, error) {
	half, err := f.d.step("write")
	if err != nil {
		return 0, err
	}
	if half {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, errCrashed
	}
	return f.file.Write(p)
}

func (f crashFile) Sync() error {
	if _, err := f.d.step("sync"); err != nil {
		return err
	}
	return f.file.Sync()
}

func (f crashFile) Truncate(n int64) error {
	if _, err := f.d.step("truncate"); err != nil {
		return err
	}
	return f.file.Truncate(n)
}

func (f crashFile) Reserve(n int64) error {
	if _, err := f.d.step("reserve"); err != nil {
		return err
	}
	return f.file.Reserve(n)
}
