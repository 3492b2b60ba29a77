package spool

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// ErrSetAside says that everything readable was erased, but files that were set
// aside as damaged may hold more: nobody can tell whose records are in them.
var ErrSetAside = errors.New("files that were set aside as damaged cannot be searched")

// Erase takes every record for which match is true off the disk: when it returns
// nil, each record whose Put had returned before the call is in no file of the
// spool any more, whether it was released or not. Batches that Next or Read hand
// out from then on hold a slice of length zero in its place; the positions of all
// records stay what they were.
//
// It returns how many records it erased, and what it erased before an error stays
// erased. ErrSetAside says that damaged files could not be searched: it comes
// until somebody has taken them away. Run must be running. match must not keep
// its argument, and is called twice for some records.
func (s *Spool) Erase(ctx context.Context, match func(rec []byte) bool) (erased int, err error) {
	erased, _, err = s.EraseWaiting(ctx, match)
	return erased, err
}

// EraseWaiting is Erase, and counts apart those of the records that waited: what was
// released lies in a file until all of the file is.
func (s *Spool) EraseWaiting(ctx context.Context, match func(rec []byte) bool) (erased, waited int, err error) {
	s.erasing.Lock()
	defer s.erasing.Unlock()
	if err := s.requestTurn(ctx); err != nil {
		return 0, 0, fmt.Errorf("erase from the spool: %w", err)
	}
	e := eraser{fs: s.fs, key: s.key, match: match, waits: s.waits}
	var errs []error
	for _, number := range s.settled() {
		n, err := s.eraseIn(ctx, &e, number)
		erased += n
		errs = append(errs, err)
	}
	errs = append(errs, s.removeStuck(), s.fs.SyncDir(s.cfg.Dir), searchable(s.cfg.Dir, segmentSuffix))
	if err := errors.Join(errs...); err != nil {
		return erased, e.waited, fmt.Errorf("erase from the spool: %w", err)
	}
	return erased, e.waited, nil
}

// waits says whether the record at p is not released.
func (s *Spool) waits(p Position) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return p >= s.mark && !slices.ContainsFunc(s.done, func(r Range) bool { return r.From <= p && p < r.To })
}

// requestTurn has the committer write what has gathered and begin a new segment.
func (s *Spool) requestTurn(ctx context.Context) error {
	done := make(chan error, 1)
	select {
	case s.turns <- done:
		return <-done
	case <-s.ended:
		return ErrClosed
	case <-ctx.Done():
		return ctx.Err()
	}
}

// settled returns the segments that nothing is written to any more.
func (s *Spool) settled() (numbers []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		if g != s.writing {
			numbers = append(numbers, g.number)
		}
	}
	return numbers
}

// find returns what is known of a segment, if it is still there.
func (s *Spool) find(number uint64) (segment, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, g := range s.segments {
		if g.number == number {
			return *g, true
		}
	}
	return segment{}, false
}

// eraseIn erases in one segment. A file in which nothing matches stays as it is,
// unless bytes of a group that was given up lie behind its end.
func (s *Spool) eraseIn(ctx context.Context, e *eraser, number uint64) (erased int, err error) {
	g, there := s.find(number)
	if !there {
		return 0, nil // released meanwhile
	}
	found, err := e.search(ctx, g.path, g.records)
	if err == nil && found.clean() {
		return 0, nil
	}
	temp, waited := g.path+".tmp", e.waited
	if err == nil {
		erased, err = e.rewrite(ctx, g.path, temp, found.end)
	}
	if err == nil {
		err = s.swap(g, temp)
	}
	if err != nil {
		e.waited = waited // nothing of it is done
	}
	if _, there := s.find(number); err != nil && !there {
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("segment %d: %w", number, err)
	}
	s.reader.Lock() // it holds the old file, and a group of it in memory
	s.cursor.close()
	s.reader.Unlock()
	return erased, nil
}

// swap puts the rewritten file in the segment's place, unless that was released
// meanwhile.
func (s *Spool) swap(g segment, temp string) error {
	s.releasing.Lock()
	defer s.releasing.Unlock()
	if _, there := s.find(g.number); !there {
		return s.fs.Remove(temp)
	}
	if err := s.fs.Rename(temp, g.path); err != nil {
		return errors.Join(err, s.fs.Remove(temp))
	}
	return nil
}

// removeStuck removes released segments that could not be removed before.
func (s *Spool) removeStuck() error {
	s.releasing.Lock()
	defer s.releasing.Unlock()
	errs, left := []error(nil), s.stuck[:0]
	for _, path := range s.stuck {
		if err := s.fs.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
			errs, left = append(errs, err), append(left, path)
		}
	}
	s.stuck = left
	return errors.Join(errs...)
}

// Erase takes every record for which match is true out of the log's files, the
// one being written included. It may be called beside Append. A file in which
// damage is found is set aside whole, and the part before it stays in use.
// Otherwise it is as Spool.Erase.
func (l *Log) Erase(ctx context.Context, match func(rec []byte) bool) (erased int, err error) {
	l.mu.Lock()
	last, err := l.number, l.closeLocked() // nothing is written to these files any more
	l.mu.Unlock()
	if err != nil {
		return 0, fmt.Errorf("erase from a sealed log: %w", err)
	}
	entries, err := os.ReadDir(l.dir)
	if err != nil {
		return 0, fmt.Errorf("erase from a sealed log: %w", err)
	}
	e := eraser{fs: l.fs, key: l.key, match: match}
	var errs []error
	for _, entry := range entries {
		if number, ok := parseSegmentName(entry.Name(), l.suffix); !ok || number > last {
			continue
		}
		n, err := e.eraseWhole(ctx, filepath.Join(l.dir, entry.Name()))
		erased += n
		if err != nil && !errors.Is(err, os.ErrNotExist) { // else somebody moved it away
			errs = append(errs, fmt.Errorf("%s: %w", entry.Name(), err))
		}
	}
	errs = append(errs, l.fs.SyncDir(l.dir), searchable(l.dir, l.suffix))
	if err := errors.Join(errs...); err != nil {
		return erased, fmt.Errorf("erase from a sealed log: %w", err)
	}
	return erased, nil
}

// eraseWhole erases in a file of which only its end tells how far it goes. An end
// that a crash tore off goes as well: nobody can tell whose records were in it.
func (e *eraser) eraseWhole(ctx context.Context, path string) (erased int, err error) {
	found, err := e.search(ctx, path, math.MaxUint32)
	if damage, ok := errors.AsType[*CorruptError](err); ok {
		if damage.Offset == 0 {
			return 0, e.fs.Rename(path, path+damagedSuffix)
		}
		if err := setAside(e.fs, path, damage.Offset); err != nil {
			return 0, err
		}
		found, err = e.search(ctx, path, math.MaxUint32)
	}
	if err != nil || found.clean() {
		return 0, err
	}
	temp := path + ".tmp"
	if erased, err = e.rewrite(ctx, path, temp, found.end); err != nil {
		return 0, err
	}
	if err := e.fs.Rename(temp, path); err != nil {
		return 0, errors.Join(err, e.fs.Remove(temp))
	}
	return erased, nil
}

// searchable returns ErrSetAside when files of that suffix were set aside that
// can hold a record.
func searchable(dir, suffix string) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	n := 0
	for _, e := range entries {
		if !strings.HasSuffix(e.Name(), suffix+damagedSuffix) {
			continue
		}
		if info, err := e.Info(); err != nil || info.Size() > headerSize {
			n++
		}
	}
	if n > 0 {
		return fmt.Errorf("%w: %d", ErrSetAside, n)
	}
	return nil
}
