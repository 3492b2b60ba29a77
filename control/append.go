package control

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/control/ledger"
	"zgoda/event"
)

// pending is one Append on its way to the writer.
type pending struct {
	entries []ledger.Entry
	change  Change
	err     error
	done    chan struct{}
}

// soloWriter is the one writer of a store that one process has open: the number
// in its chain is the sequence.
const soloWriter ledger.Writer = "solo"

// groupEntries bounds the entries of one transaction.
const groupEntries = 256

// Append writes entries, all or none, and returns when they are on disk. It
// does not stop at the end of ctx once it has begun, since a change that was
// written must be known to its caller; Config bounds how long that takes.
//
// An entry whose Key is in the ledger, and a tie that is there, is not written
// again. A refusal of what was given is written as a withdrawal.
//
// With ErrUnknown the Change says what was to be changed: it may be in force.
func (s *Store) Append(ctx context.Context, entries ...ledger.Entry) (Change, error) {
	for i := range entries {
		if err := entries[i].Validate(); err != nil {
			return Change{}, err
		}
		if e := &entries[i]; !e.Until.IsZero() || e.Guardian || e.Proof != ledger.ProofNone {
			return Change{}, fmt.Errorf("%w: until, guardian, proof: this store has no place for them", ledger.ErrEntry)
		}
	}
	if len(entries) > groupEntries {
		return Change{}, fmt.Errorf("%w: more than %d in one change", ledger.ErrEntry, groupEntries)
	}
	if err := ctx.Err(); err != nil {
		return Change{}, fmt.Errorf("append to the ledger: %w", err)
	}
	p := &pending{entries: entries, done: make(chan struct{})}
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
	for n < len(s.queue) && (n == 0 || entries+len(s.queue[n].entries) <= groupEntries) {
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
	tx, err := s.write.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("append to the ledger: %w", err)
	}
	defer func() {
		if err != nil {
			err = fmt.Errorf("append to the ledger: %w", errors.Join(err, ignoreDone(tx.Rollback())))
		}
	}()
	a := &appender{tx: tx}
	if a.head, err = readHead(ctx, tx); err != nil {
		return err
	}
	for _, p := range group {
		if p.change, err = a.entries(ctx, p.entries); err != nil {
			return err
		}
	}
	if _, err = tx.ExecContext(ctx, `UPDATE head SET sequence = $1, hash = $2 WHERE id = 1`,
		int64(a.head.Sequence), a.head.Hash[:]); err != nil {
		return err
	}
	if err = s.commitTx(tx); err != nil {
		return s.outcome(tx, a.head, err)
	}
	s.sequence.Store(uint64(a.head.Sequence))
	return nil
}

// outcome finds out what a commit that failed has done. Only when its changes
// are surely not there is it a plain error.
func (s *Store) outcome(tx *sql.Tx, wanted Head, failed error) error {
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.Timeout)
	defer cancel()
	_ = tx.Rollback() // most failed commits have ended it already
	// A commit that found the file locked leaves its transaction open on the one
	// connection that writes.
	_, _ = s.write.ExecContext(ctx, "ROLLBACK")
	head, err := readHead(ctx, s.read)
	if err == nil && head != wanted {
		return failed
	}
	if err == nil {
		s.sequence.Store(uint64(wanted.Sequence))
	}
	return fmt.Errorf("%w: %w", ErrUnknown, errors.Join(failed, err))
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}

// appender is one transaction of the writer.
type appender struct {
	tx   *sql.Tx
	head Head
}

func (a *appender) entries(ctx context.Context, entries []ledger.Entry) (Change, error) {
	var c Change
	var done []event.Handle
	for i := range entries {
		e := entries[i]
		seq, found, err := a.written(ctx, &e)
		if err != nil {
			return Change{}, err
		}
		if !found {
			if err = a.entry(ctx, &e); err != nil {
				return Change{}, err
			}
			seq = a.head.Sequence
		}
		c.Sequence = max(c.Sequence, seq)
		if done, err = a.affected(ctx, &c, done, &e); err != nil {
			return Change{}, err
		}
	}
	return c, nil
}

// written looks for an entry that says the same already.
func (a *appender) written(ctx context.Context, e *ledger.Entry) (event.Sequence, bool, error) {
	var seq int64
	var err error
	switch {
	case e.Key != "":
		key := ledger.KeyHash(e.Site, e.Key)
		err = a.tx.QueryRowContext(ctx, `SELECT sequence FROM ledger WHERE key_hash = $1`, key[:]).Scan(&seq)
	case e.State == ledger.StateLinked:
		err = a.tx.QueryRowContext(ctx, `SELECT sequence FROM link WHERE site = $1 AND contact = $2 AND visitor = $3`,
			string(e.Site), e.Subject[:], e.Linked[:]).Scan(&seq)
	case e.State == ledger.StateConflict:
		err = a.tx.QueryRowContext(ctx, `SELECT sequence FROM conflict WHERE site = $1 AND contact = $2 AND other = $3`,
			string(e.Site), e.Subject[:], e.Linked[:]).Scan(&seq)
	default:
		return 0, false, nil
	}
	if errors.Is(err, sql.ErrNoRows) {
		return 0, false, nil
	}
	return event.Sequence(seq), err == nil, err
}

// entry chains one entry and applies it to the current state.
func (a *appender) entry(ctx context.Context, e *ledger.Entry) error {
	if err := a.settle(ctx, e); err != nil {
		return err
	}
	e.Sequence, e.Previous = a.head.Sequence+1, a.head.Hash
	e.Writer, e.Number = soloWriter, ledger.Number(e.Sequence)
	key := ledger.KeyHash(e.Site, e.Key)
	var commitments [ledger.Parts]ledger.Commitment
	for p := ledger.Part(1); int(p) <= ledger.Parts; p++ {
		value := e.Value(p)
		if len(value) == 0 {
			continue
		}
		var salt [ledger.SaltSize]byte
		_, _ = rand.Read(salt[:]) // never fails
		commitments[p-1] = ledger.Commit(p, salt, value)
		if _, err := a.tx.ExecContext(ctx, `INSERT INTO part (sequence, part, salt, value) VALUES ($1, $2, $3, $4)`,
			int64(e.Sequence), int(p), salt[:], value); err != nil {
			return err
		}
	}
	e.Hash = e.HashOf(key, &commitments)
	flat := make([]byte, 0, ledger.Parts*32)
	for i := range commitments {
		flat = append(flat, commitments[i][:]...)
	}
	if _, err := a.tx.ExecContext(ctx, `INSERT INTO ledger (sequence, site, purpose, purpose_version, text_hash, state, event_type,
		channel, surface, locale, gpc, dnt, at_micros, key_hash, commitments, previous, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)`,
		int64(e.Sequence), string(e.Site), string(e.Purpose), e.PurposeVersion, e.TextHash[:], e.State.String(), e.Type.String(),
		e.Channel, e.Surface, e.Locale, e.GPC, e.DNT, e.At.UnixMicro(), key[:], flat, e.Previous[:], e.Hash[:]); err != nil {
		return err
	}
	if err := a.apply(ctx, e); err != nil {
		return err
	}
	a.head = Head{Sequence: e.Sequence, Hash: e.Hash}
	return nil
}
