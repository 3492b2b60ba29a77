package yardstick

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
)

const (
	fileSize  = 256 << 20 // preallocated
	filesKept = 2         // older ones are removed: nobody reads them
)

// Log appends bodies to files and answers when they are durable.
//
//	handlers --Append--> gathering group      (while)      group being synced --> file
//
// The group that gathers while another is being written and fdatasynced is the
// next one to go: its size follows the load, and nothing waits for a timer.
type Log struct {
	dir       string
	mu        sync.Mutex
	gathering *group
	closed    bool
	wake      chan struct{} // holds one token while a group gathers
	file      *os.File
	offset    int64
	number    int
	synced    atomic.Int64 // bytes
}

type group struct {
	buffer []byte
	done   chan struct{}
	err    error // set before done is closed
}

// OpenLog makes the first file in dir.
func OpenLog(dir string) (*Log, error) {
	l := &Log{dir: dir, gathering: newGroup(nil), wake: make(chan struct{}, 1)}
	if err := os.MkdirAll(dir, 0o700); err != nil { //nolint:gosec // a scratch folder that the caller names
		return nil, fmt.Errorf("make the folder of the durable yardstick: %w", err)
	}
	return l, l.rotate()
}

func newGroup(buffer []byte) *group { return &group{buffer: buffer[:0], done: make(chan struct{})} }

// Append returns when body is on disk, or could not be brought there.
func (l *Log) Append(body []byte) error {
	l.mu.Lock()
	if l.closed {
		l.mu.Unlock()
		return os.ErrClosed
	}
	g := l.gathering
	first := len(g.buffer) == 0
	g.buffer = appendBody(g.buffer, body)
	l.mu.Unlock()
	if first {
		l.wake <- struct{}{}
	}
	<-g.done
	return g.err
}

// Synced returns how many bytes have been made durable.
func (l *Log) Synced() int64 { return l.synced.Load() }

// Run commits groups until ctx ends; what was gathered by then fails.
func (l *Log) Run(ctx context.Context) error {
	spare := make([]byte, 0, 1<<20)
	for {
		select {
		case <-ctx.Done():
			l.finish(l.swap(nil), os.ErrClosed)
			return l.file.Close()
		case <-l.wake:
		}
		g := l.swap(spare)
		l.finish(g, l.commit(g.buffer))
		spare = g.buffer
	}
}

// swap takes the group that gathers. Without a buffer for the next one the log
// is closed.
func (l *Log) swap(spare []byte) *group {
	next := newGroup(spare)
	l.mu.Lock()
	defer l.mu.Unlock()
	g := l.gathering
	l.gathering, l.closed = next, spare == nil
	return g
}

func (l *Log) finish(g *group, err error) {
	g.err = err
	close(g.done)
}

func (l *Log) commit(group []byte) error {
	if l.offset+int64(len(group)) > fileSize {
		if err := l.rotate(); err != nil {
			return err
		}
	}
	if _, err := l.file.WriteAt(group, l.offset); err != nil {
		return fmt.Errorf("write a group: %w", err)
	}
	if err := datasync(l.file); err != nil {
		return fmt.Errorf("sync a group: %w", err)
	}
	l.offset += int64(len(group))
	l.synced.Add(int64(len(group)))
	return nil
}

// rotate goes on in a new preallocated file, whose name is durable.
func (l *Log) rotate() error {
	f, err := os.OpenFile(l.path(l.number), os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600) //nolint:gosec // within it
	if err != nil {
		return fmt.Errorf("make a file: %w", err)
	}
	if err := errors.Join(preallocate(f, fileSize), f.Sync(), syncFolder(l.dir)); err != nil {
		_ = f.Close()
		return fmt.Errorf("prepare a file: %w", err)
	}
	if l.file != nil {
		_ = l.file.Close() // all of it is synced
	}
	if old := l.number - filesKept; old >= 0 {
		_ = os.Remove(l.path(old)) //nolint:gosec // within it
	}
	l.file, l.offset = f, 0
	l.number++
	return nil
}

func (l *Log) path(number int) string { return filepath.Join(l.dir, fmt.Sprintf("%08d.log", number)) }

func syncFolder(dir string) error {
	d, err := os.Open(dir) //nolint:gosec // a scratch folder that the caller names
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
