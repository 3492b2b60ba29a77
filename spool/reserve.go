package spool

import (
	"errors"
	"path/filepath"
	"syscall"
)

const (
	// reserveName ends as what Open removes after a crash: then there is room for
	// what Open has to write.
	reserveName  = "reserve.tmp"
	reserveBytes = 64 << 10
)

// noRoom says whether an error is a full disk's.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// keepReserve puts a little room by. On a disk that the spool itself has filled,
// releasing needs room to write down how far everything is released, and only
// releasing makes room. Best effort: without it a release is tried again.
func (s *Spool) keepReserve() {
	if s.reserved {
		return
	}
	path := filepath.Join(s.cfg.Dir, reserveName)
	_ = s.fs.Remove(path) // left by an error
	f, err := s.fs.Create(path)
	if err != nil {
		return
	}
	_, err = f.Write(make([]byte, reserveBytes))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		_ = s.fs.Remove(path)
		return
	}
	s.reserved = true
}

// useReserve gives the room back to the disk and says whether there was any.
func (s *Spool) useReserve() bool {
	was := s.reserved
	s.reserved = false
	return was && s.fs.Remove(filepath.Join(s.cfg.Dir, reserveName)) == nil
}
