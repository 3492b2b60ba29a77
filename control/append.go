package control

import (
	"context"
	"errors"
	"fmt"

	"zgoda/control/ledger"
)

// pending is one Append on its way to the writer.
type pending struct {
	entries []ledger.Stored
	reaches []int // in the batch: whom it affects
	change  Change
	err     error
	done    chan struct{}
}

// MaxEntries bounds the entries of one Append.
const MaxEntries = 256

// Append writes entries, all or none, and returns when they are on disk. It
// does not stop at the end of ctx once it has begun, since a change that was
// written must be known to its caller; Config bounds how long that takes.
//
// An entry whose Key is in the ledger, and a tie that is there, is not written
// again. A refusal of what was given is written as a withdrawal, and that a grant
// is over only while there is one whose time is.
//
// With ErrUnknown the Change says what was to be changed: it may be in force.
func (s *Store) Append(ctx context.Context, entries ...ledger.Entry) (Change, error) {
	for i := range entries {
		if err := entries[i].Validate(); err != nil {
			return Change{}, err
		}
	}
	if len(entries) > MaxEntries {
		return Change{}, fmt.Errorf("%w: more than %d in one change", ledger.ErrEntry, MaxEntries)
	}
	if err := ctx.Err(); err != nil {
		return Change{}, fmt.Errorf("append to the ledger: %w", err)
	}
	p := &pending{entries: make([]ledger.Stored, len(entries)), done: make(chan struct{})}
	for i := range entries {
		p.entries[i] = sealed(&entries[i])
	}
	if err := s.enqueue(p); err != nil {
		return Change{}, err
	}
	<-p.done
	return p.change, p.err
}

func (s *Store) enqueue(p *pending) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if len(s.queue) >= s.cfg.MaxQueue {
		return ErrBusy
	}
	s.queue = append(s.queue, p)
	if !s.busy {
		s.busy = true
		s.work.Go(s.drain)
	}
	return nil
}

// drain writes groups until the queue is empty.
func (s *Store) drain() {
	for {
		group := s.take()
		if group == nil {
			return
		}
		err := s.commit(group)
		for _, p := range group {
			p.err = err
			if err != nil && !errors.Is(err, ErrUnknown) {
				p.change = Change{}
			}
			close(p.done)
		}
	}
}

func (s *Store) take() []*pending {
	s.mu.Lock()
	defer s.mu.Unlock()
	n, entries := 0, 0
	for n < len(s.queue) && (n == 0 || entries+len(s.queue[n].entries) <= s.db.groupEntries()) {
		entries += len(s.queue[n].entries)
		n++
	}
	if n == 0 {
		s.busy, s.queue = false, nil
		return nil
	}
	group := s.queue[:n:n]
	s.queue = s.queue[n:]
	return group
}

// commit writes a group in one transaction.
func (s *Store) commit(group []*pending) (err error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Timeout)
	defer cancel()
	defer func() {
		if err != nil {
			err = fmt.Errorf("append to the ledger: %w", err)
		}
	}()
	tx, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	b, err := s.write(ctx, tx, group)
	if err != nil {
		return errors.Join(err, tx.rollback(ctx))
	}
	if err = tx.commit(ctx, b, whole(group, b.at.sequence)); err != nil {
		if !s.db.settled(b.at) { // by a context of its own: this one may have ended
			return err
		}
		return fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	s.reached(b.at.sequence)
	s.written.Add(uint64(len(b.rows)))
	return nil
}

// write makes the batch of a group and writes it; whom it affects is read once
// its ties are there.
func (s *Store) write(ctx context.Context, tx writing, group []*pending) (*batch, error) {
	known := factsOf(group)
	at, err := tx.known(ctx, known)
	if err != nil {
		return nil, err
	}
	b := newBatch(at, known)
	for _, p := range group {
		b.add(p)
	}
	found, err := tx.put(ctx, b)
	if err != nil {
		return nil, err
	}
	b.spread(group, found)
	return b, nil
}
