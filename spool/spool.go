package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"
)

// Spool is the log. Put, Wait, Release, Stats and Healthy may be called from any
// goroutine; Next and Read from one at a time.
type Spool struct {
	cfg  Config
	key  []byte
	fs   files
	now  func() time.Time
	lock *os.File

	gather gather
	wake   chan struct{}   // to the committer: there is something to write
	enough chan struct{}   // to the committer: nobody more is waited for
	turns  chan chan error // to the committer: nothing on disk may be written to any more
	ended  chan struct{}   // closed when the committer has written the last group
	failed atomic.Pointer[failure]
	full   atomic.Bool
	since  atomic.Int64 // the committer waits for the disk, Unix nanoseconds; 0 while it does not

	// Of the committer alone.
	pace     pace
	filler   filler
	active   *appender
	previous *segment // what the next segment's header says of the one before

	mu       sync.Mutex
	segments []*segment // ascending; the last one may be being written
	writing  *segment   // nil while there is none
	number   uint64     // the highest number ever used
	bytes    int64
	mark     Position // everything before it is released
	done     []Range  // released, but something before them is not
	handed   []handed // what Next gave out, in order
	unread   int      // durable records that Next has not handed out
	want     int      // how many unread records wake the reader
	waiting  time.Time
	counts   counts

	arrived  chan struct{} // to the reader: want is reached
	reader   sync.Mutex    // serialises Next and Read
	cursor   cursor        // its position is guarded by mu, the rest by reader
	refusals refusals      // of reads; guarded by reader
	owe      error         // found by a Next that had records to give

	releasing sync.Mutex
	stuck     []string   // released segments that could not be removed; guarded by releasing
	reserved  bool       // a little room is put by for the release position; guarded by releasing
	erasing   sync.Mutex // one Erase at a time
	recovered int
	damage    []*CorruptError
	metrics   *metrics
	running   atomic.Bool
	closed    sync.Once
}

// failure is why the disk is not trusted at the moment.
type failure struct{ err error }

// handed is how far one Next went, and since when its first record was waiting.
type handed struct {
	to     Position
	oldest time.Time
}

// counts only grow.
type counts struct {
	torn, damaged int
}

// Open locks the folder, for which it waits up to LockWait, reads what is there,
// repairs a torn tail, sets damage aside and begins a new segment. On a full disk
// it succeeds without one: what is there can be read and released, and Healthy
// says ErrFailed until there is room. It starts no goroutine: Run commits.
func Open(cfg Config, key []byte) (*Spool, error) {
	return open(cfg, key, disk{}, time.Now)
}

func open(cfg Config, key []byte, fs files, now func() time.Time) (*Spool, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if len(key) != keySize {
		return nil, fmt.Errorf("spool: the key must be %d bytes", keySize)
	}
	if err := os.MkdirAll(cfg.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the spool's folder: %w", err)
	}
	lock, err := lockFolder(filepath.Join(cfg.Dir, lockName), cfg.LockWait)
	if err != nil {
		return nil, err
	}
	s := &Spool{
		cfg: cfg, key: append([]byte(nil), key...), fs: fs, now: now, lock: lock,
		wake: make(chan struct{}, 1), enough: make(chan struct{}, 1), turns: make(chan chan error),
		ended: make(chan struct{}), arrived: make(chan struct{}, 1), want: 1,
		pace:    pace{most: cfg.MaxWait},
		metrics: newMetrics(),
	}
	if err := s.load(); err != nil {
		_ = lock.Close()
		return nil, err
	}
	// On a full disk what is there can be shipped, which makes room.
	if err := s.rotate(); err != nil && !noRoom(s.fail(err)) {
		_ = lock.Close()
		return nil, err
	}
	s.keepReserve()
	s.mark = s.settle(s.mark)
	s.cursor.at = s.mark
	s.updateFull()
	return s, nil
}

// Recovered returns how many records waited, unreleased, when the spool was opened.
func (s *Spool) Recovered() int { return s.recovered }

// Damage returns what Open found damaged, for the log.
func (s *Spool) Damage() []*CorruptError { return s.damage }

// Healthy returns why the spool cannot take records now: ErrFull, ErrFailed,
// ErrClosed, or nil; and ErrHangs while it takes them but the disk does not.
func (s *Spool) Healthy() error {
	if f := s.failed.Load(); f != nil {
		return f.err
	}
	if s.full.Load() {
		return ErrFull
	}
	if s.gather.isClosed() {
		return ErrClosed
	}
	if s.waitsForDisk() > s.cfg.HangAfter {
		return ErrHangs
	}
	return nil
}

// waitsForDisk returns for how long the committer has been waiting for the disk.
func (s *Spool) waitsForDisk() time.Duration {
	since := s.since.Load()
	if since == 0 {
		return 0
	}
	return max(0, s.now().Sub(time.Unix(0, since)))
}

// Stats is what the spool holds at one moment.
type Stats struct {
	Bytes     int64         // of segments on disk
	Limit     int64         // MaxBytes
	Records   int           // durable and not released
	OldestAge time.Duration // how long the first of them has waited
	Segments  int
	Torn      int // torn tails cut off since Open
	Damaged   int // damage set aside since Open
}

// Stats returns what the spool holds.
func (s *Spool) Stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := Stats{
		Bytes: s.bytes, Limit: s.cfg.MaxBytes, Segments: len(s.segments),
		Records: s.countLocked(s.mark), Torn: s.counts.torn, Damaged: s.counts.damaged,
	}
	oldest := s.waiting
	if len(s.handed) > 0 {
		oldest = s.handed[0].oldest
	} else if s.unread == 0 {
		return st
	}
	st.OldestAge = max(0, s.now().Sub(oldest))
	return st
}

// Close gives up what no committer will write, and lets go of the folder. Run
// must have returned. Twice is fine.
func (s *Spool) Close() error {
	var errs []error
	s.closed.Do(func() {
		s.shut()
		if s.active != nil {
			s.active.finish()
		}
		errs = append(errs, s.filler.close())
		s.reader.Lock()
		s.cursor.close()
		s.reader.Unlock()
		errs = append(errs, s.lock.Close())
	})
	return errors.Join(errs...)
}
