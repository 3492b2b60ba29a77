package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/control/checkpoint"
	"zgoda/control/ledger"
	"zgoda/event"
)

// Checkpoints returns the signed checkpoints over entries after a sequence, in
// the order of their sequences: at most limit of them, and fewer only at the end.
func (s *Store) Checkpoints(ctx context.Context, after event.Sequence, limit int) ([][]byte, error) {
	return s.notes(ctx, `SELECT note FROM checkpoint WHERE sequence > $1 ORDER BY sequence LIMIT $2`, int64(after), limit)
}

// LastCheckpoint returns the newest checkpoint over a writer's chain, nil when
// there is none.
func (s *Store) LastCheckpoint(ctx context.Context, w ledger.Writer) ([]byte, error) {
	notes, err := s.notes(ctx, `SELECT note FROM checkpoint WHERE writer = $1 ORDER BY number DESC LIMIT 1`, string(w))
	if err != nil || len(notes) == 0 {
		return nil, err
	}
	return notes[0], nil
}

func (s *Store) notes(ctx context.Context, query string, args ...any) (notes [][]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err = all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		var note string
		err := rows.Scan(&note)
		notes = append(notes, []byte(note))
		return err
	}); err != nil {
		return nil, fmt.Errorf("read the checkpoints: %w", err)
	}
	return notes, nil
}

// SaveCheckpoint keeps a signed checkpoint; one over the same entry stays.
func (s *Store) SaveCheckpoint(ctx context.Context, c checkpoint.Checkpoint, note []byte) error {
	return s.beside(ctx, `INSERT INTO checkpoint (writer, number, sequence, note) VALUES ($1, $2, $3, $4)
		ON CONFLICT (writer, number) DO NOTHING`, string(c.Writer), int64(c.Number), int64(c.Sequence), string(note))
}

// Anchored returns the number up to which a place outside has the checkpoints of
// a writer.
func (s *Store) Anchored(ctx context.Context, anchor string, w ledger.Writer) (ledger.Number, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var number int64
	err := s.db.plain().QueryRowContext(ctx, `SELECT number FROM anchored WHERE anchor = $1 AND writer = $2`, anchor, string(w)).Scan(&number)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return 0, fmt.Errorf("read what is anchored: %w", err)
	}
	return ledger.Number(number), nil
}

// SetAnchored notes that a place outside has the checkpoint with the number.
func (s *Store) SetAnchored(ctx context.Context, anchor string, w ledger.Writer, n ledger.Number) error {
	return s.beside(ctx, `INSERT INTO anchored (anchor, writer, number) VALUES ($1, $2, $3)
		ON CONFLICT (anchor, writer) DO UPDATE SET number = excluded.number`, anchor, string(w), int64(n))
}

func (s *Store) beside(ctx context.Context, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := s.db.changes().ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("note it beside the ledger: %w", err)
	}
	return nil
}
