package control

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Errors of erasures.
var (
	ErrNoNode  = errors.New("no such node is known")
	ErrNoBatch = errors.New("no such batch of erasures is known")
)

// eraseChunk is how many erasures one transaction changes: others wait for it.
const eraseChunk = 256

// Erasures returns erasures at a step that are under way, those first whose deadline
// is nearest. Batched says whether they are in a batch.
func (s *Store) Erasures(ctx context.Context, step EraseStep, batched bool, limit int) (found []Request, err error) {
	where := ` AND batch IS NULL`
	if batched {
		where = ` AND batch IS NOT NULL`
	}
	return s.erasures(ctx, where+` AND step = $1 ORDER BY deadline_micros, id LIMIT $2`, string(step), min(limit, maxErasures))
}

// maxErasures is how many erasures are listed at once.
const maxErasures = 16384

// ErasuresOf returns the erasures of a batch.
func (s *Store) ErasuresOf(ctx context.Context, batch [16]byte) ([]Request, error) {
	return s.erasures(ctx, ` AND batch = $1 ORDER BY deadline_micros, id`, batch[:])
}

func (s *Store) erasures(ctx context.Context, where string, args ...any) (found []Request, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout) // many rows
	defer cancel()
	query := `SELECT ` + requestColumns + ` FROM request WHERE kind = 'erasure' AND state = 'in_progress'` + where
	err = all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		r, err := scanRequest(rows)
		found = append(found, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the erasures: %w", err)
	}
	return found, nil
}

// Taken are consent handles that an erasure takes along: the contact's, and those of
// visitors that are nobody else's.
type Taken struct {
	Request RequestID
	Site    event.SiteID
	Handles []event.Handle
}

// AddHandles keeps the handles that erasures take along, until the keys are
// destroyed, and takes them out of conflict with others, who would be denied as the
// erased are.
func (s *Store) AddHandles(ctx context.Context, list []Taken) error {
	return eachChunk(list, func(list []Taken) error {
		return s.change(ctx, "keep the handles of the erasures", func(tx *sql.Tx) error {
			for i := range list {
				for _, h := range list[i].Handles {
					if err := addHandle(ctx, tx, &list[i], h); err != nil {
						return err
					}
				}
			}
			return nil
		})
	})
}

func addHandle(ctx context.Context, tx *sql.Tx, t *Taken, h event.Handle) error {
	if _, err := tx.ExecContext(ctx, `INSERT INTO erase_handle (request, handle, site) VALUES ($1, $2, $3)
		ON CONFLICT (request, handle) DO NOTHING`, t.Request[:], h[:], string(t.Site)); err != nil {
		return err
	}
	var conflicts int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM conflict WHERE site = $1 AND contact = $2`, string(t.Site), h[:]).Scan(&conflicts); err != nil || conflicts == 0 {
		return err
	}
	return untie(ctx, tx, &who{t.Site, h})
}

// HandlesOf returns the consent handles of all erasures of a batch, by request.
func (s *Store) HandlesOf(ctx context.Context, batch [16]byte) (map[RequestID][]event.Handle, error) {
	return s.handles(ctx, `SELECT h.request, h.handle FROM request r JOIN erase_handle h ON h.request = r.id WHERE r.batch = $1`, batch[:])
}

// HandlesOfRequest returns the consent handles of one erasure.
func (s *Store) HandlesOfRequest(ctx context.Context, id RequestID) ([]event.Handle, error) {
	found, err := s.handles(ctx, `SELECT request, handle FROM erase_handle WHERE request = $1`, id[:])
	return found[id], err
}

func (s *Store) handles(ctx context.Context, query string, args ...any) (map[RequestID][]event.Handle, error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout)
	defer cancel()
	found := map[RequestID][]event.Handle{}
	err := all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		var id []byte
		var h event.Handle
		if err := rows.Scan(&id, (*handleColumn)(&h)); err != nil {
			return err
		}
		if len(id) != len(RequestID{}) {
			return errDamaged
		}
		found[RequestID(id)] = append(found[RequestID(id)], h)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the handles of the erasures: %w", err)
	}
	return found, nil
}

// StepRequests moves erasures from one step to another; those that are at another
// step stay. With a fence their cut-off and fence are written as well.
func (s *Store) StepRequests(ctx context.Context, ids []RequestID, from, to EraseStep, cutoff time.Time, fence event.Sequence) error {
	return eachChunk(ids, func(ids []RequestID) error {
		return s.change(ctx, "note the step of the erasures", func(tx *sql.Tx) error {
			for _, id := range ids {
				if err := stepRequest(ctx, tx, id, from, to, cutoff, fence); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

func stepRequest(ctx context.Context, tx *sql.Tx, id RequestID, from, to EraseStep, cutoff time.Time, fence event.Sequence) error {
	if fence != 0 {
		_, err := tx.ExecContext(ctx, `UPDATE request SET step = $3, cutoff_micros = $4, fence = $5, revision = revision + 1
			WHERE id = $1 AND step = $2`, id[:], string(from), string(to), ledger.Micros(cutoff), int64(fence))
		return err
	}
	_, err := tx.ExecContext(ctx, `UPDATE request SET step = $3, revision = revision + 1 WHERE id = $1 AND step = $2`, id[:], string(from), string(to))
	return err
}

// eachChunk does something with a list in parts.
func eachChunk[T any](list []T, do func([]T) error) error {
	for len(list) > 0 {
		n := min(len(list), eraseChunk)
		if err := do(list[:n]); err != nil {
			return err
		}
		list = list[n:]
	}
	return nil
}

// MakeBatch makes a batch of erasures that are fenced and in none. It is to be moved
// to the step fenced once it is whole: nodes drain for it then. Only the leader
// does: ErrNotLeader.
func (s *Store) MakeBatch(ctx context.Context, b EraseBatch, of []RequestID) error {
	tables, err := json.Marshal(b.Tables)
	if err != nil {
		return fmt.Errorf("make the batch: %w", err)
	}
	err = s.change(ctx, "make the batch", func(tx *sql.Tx) error {
		if err := s.leads(ctx, tx, b.Made); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `INSERT INTO erase_batch (id, node, step, made_micros, moved_micros, requests, tables, attempts, next_micros, error)
			VALUES ($1, $2, $3, $4, $4, $5, $6, 0, 0, '')`, b.ID[:], string(s.cfg.Node), string(b.Step), ledger.Micros(b.Made), b.Requests, string(tables))
		return err
	})
	if err != nil {
		return err
	}
	return eachChunk(of, func(ids []RequestID) error { // a batch whose making was cut off goes with those that it has
		return s.change(ctx, "fill the batch", func(tx *sql.Tx) error {
			if err := s.leads(ctx, tx, now()); err != nil {
				return err
			}
			for _, id := range ids {
				if _, err := tx.ExecContext(ctx, `UPDATE request SET batch = $2, revision = revision + 1
					WHERE id = $1 AND batch IS NULL AND step = $3`, id[:], b.ID[:], string(StepFenced)); err != nil {
					return err
				}
			}
			return nil
		})
	})
}

// MoveBatch writes how far a batch is, and moves its erasures to the same step
// unless they are beyond it. One that came back to the batch while others of it were
// worked on stays where it is: nothing was done for it. Only the leader does:
// ErrNotLeader.
func (s *Store) MoveBatch(ctx context.Context, b EraseBatch, now time.Time) error {
	tables, err := json.Marshal(b.Tables)
	if err != nil {
		return fmt.Errorf("move the batch: %w", err)
	}
	return s.change(ctx, "move the batch", func(tx *sql.Tx) error {
		if err := s.leads(ctx, tx, now); err != nil {
			return err
		}
		result, err := tx.ExecContext(ctx, `UPDATE erase_batch SET node = $2, step = $3, moved_micros = CASE step WHEN $3 THEN moved_micros ELSE $4 END,
			tables = $5, attempts = $6, next_micros = $7, error = $8, requests = $9 WHERE id = $1`,
			b.ID[:], string(s.cfg.Node), string(b.Step), ledger.Micros(now), string(tables), b.Attempts, ledger.Micros(b.Next), b.Error, b.Requests)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return errors.Join(err, ErrNoBatch)
		}
		return moveErasures(ctx, tx, &b)
	})
}

// goingOn are the erasures of a batch that are to go on with it.
const goingOn = ` WHERE batch = $1 AND state = 'in_progress' AND step IN ('fenced', 'drained', 'deleted', 'settled')`

func moveErasures(ctx context.Context, tx *sql.Tx, b *EraseBatch) error {
	left := map[string]bool{} // that have come back meanwhile
	if b.Of != nil {
		if err := all(ctx, tx, `SELECT id FROM request`+goingOn, []any{b.ID[:]}, func(rows *sql.Rows) error {
			var id []byte
			err := rows.Scan(&id)
			left[string(id)] = true
			return err
		}); err != nil {
			return err
		}
		for i := range b.Of {
			delete(left, string(b.Of[i][:]))
		}
	}
	const move = `UPDATE request SET step = $2, attempts = $3, error = $4, revision = revision + 1` + goingOn
	args := []any{b.ID[:], string(b.Step), b.Attempts, b.Error}
	if len(left) == 0 {
		_, err := tx.ExecContext(ctx, move, args...)
		return err
	}
	for i := range b.Of {
		if _, err := tx.ExecContext(ctx, move+` AND id = $5`, append(slices.Clone(args), b.Of[i][:])...); err != nil {
			return err
		}
	}
	return nil
}

// DropBatch takes a batch away of which nothing came.
func (s *Store) DropBatch(ctx context.Context, id [16]byte) error {
	return s.changeNodes(ctx, "drop the batch", `DELETE FROM erase_batch WHERE id = $1`, id[:])
}

const batchColumns = `id, node, step, made_micros, moved_micros, requests, tables, attempts, next_micros, error`

// Batches returns the batches whose rows are not proven gone, oldest first.
func (s *Store) Batches(ctx context.Context) ([]EraseBatch, error) {
	return s.batches(ctx, `SELECT `+batchColumns+` FROM erase_batch WHERE step NOT IN ('proven') ORDER BY made_micros, id`)
}

// Batch returns one batch.
func (s *Store) Batch(ctx context.Context, id [16]byte) (EraseBatch, bool, error) {
	found, err := s.batches(ctx, `SELECT `+batchColumns+` FROM erase_batch WHERE id = $1`, id[:])
	if err != nil || len(found) == 0 {
		return EraseBatch{}, false, err
	}
	return found[0], true, nil
}

// LastBatch returns when the last batch was made; zero: none was.
func (s *Store) LastBatch(ctx context.Context) (time.Time, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var at sql.NullInt64
	if err := s.db.plain().QueryRowContext(ctx, `SELECT max(made_micros) FROM erase_batch`).Scan(&at); err != nil {
		return time.Time{}, fmt.Errorf("read the last batch: %w", err)
	}
	return ledger.FromMicros(at.Int64), nil
}

func (s *Store) batches(ctx context.Context, query string, args ...any) (found []EraseBatch, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		var b EraseBatch
		var id []byte
		var made, moved, next int64
		var tables string
		if err := rows.Scan(&id, (*string)(&b.Node), (*string)(&b.Step), &made, &moved, &b.Requests, &tables, &b.Attempts, &next, &b.Error); err != nil {
			return err
		}
		if len(id) != len(b.ID) || json.Unmarshal([]byte(tables), &b.Tables) != nil {
			return errDamaged
		}
		copy(b.ID[:], id)
		b.Made, b.Moved, b.Next = ledger.FromMicros(made), ledger.FromMicros(moved), ledger.FromMicros(next)
		found = append(found, b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the batches: %w", err)
	}
	return found, nil
}

// Ack notes that nothing of a batch waits on this node any more, and how many
// events it took off its disk that had not been stored.
func (s *Store) Ack(ctx context.Context, batch [16]byte, rows int64, at time.Time) error {
	return s.changeNodes(ctx, "acknowledge the batch", `INSERT INTO erase_ack (batch, node, rows, at_micros) VALUES ($1, $2, $3, $4)
		ON CONFLICT (batch, node) DO NOTHING`, batch[:], string(s.cfg.Node), rows, ledger.Micros(at))
}

// Acks returns which nodes have acknowledged a batch.
func (s *Store) Acks(ctx context.Context, batch [16]byte) (acks []Ack, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT node, rows, at_micros FROM erase_ack WHERE batch = $1 ORDER BY node`, []any{batch[:]}, func(rows *sql.Rows) error {
		var a Ack
		var at int64
		err := rows.Scan((*string)(&a.Node), &a.Rows, &at)
		a.At = ledger.FromMicros(at)
		acks = append(acks, a)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read who acknowledged the batch: %w", err)
	}
	return acks, nil
}

// FreeErasures lets erasures go back to the queue that were paused, or had failed,
// while their batch went on without them. Only the leader does.
func (s *Store) FreeErasures(ctx context.Context) error {
	return s.change(ctx, "free erasures whose batch is over", func(tx *sql.Tx) error {
		if err := s.leads(ctx, tx, now()); err != nil {
			return err
		}
		_, err := tx.ExecContext(ctx, `UPDATE request SET batch = NULL, step = 'fenced', revision = revision + 1
			WHERE kind = 'erasure' AND state = 'in_progress' AND step IN ('fenced', 'drained', 'deleted', 'settled') AND batch IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM erase_batch b WHERE b.id = request.batch AND b.step <> 'proven')`)
		return err
	})
}
