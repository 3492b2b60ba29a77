package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/control/ledger"
)

// CountRequests counts requests by right and state. A request whose clock stands
// is not overdue, and its deadline not the nearest.
func (s *Store) CountRequests(ctx context.Context, at time.Time) (counts []RequestCount, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	day := 24 * time.Hour
	err = all(ctx, s.db.plain(), `SELECT kind, state, count(*),
		count(CASE WHEN received_micros >= $1 THEN 1 END), count(CASE WHEN received_micros < $1 AND received_micros >= $2 THEN 1 END),
		count(CASE WHEN received_micros < $2 AND received_micros >= $3 THEN 1 END), count(CASE WHEN received_micros < $3 THEN 1 END),
		COALESCE(min(CASE WHEN paused_micros = 0 THEN deadline_micros END), 0), count(CASE WHEN paused_micros = 0 AND deadline_micros < $4 THEN 1 END)
		FROM request GROUP BY kind, state ORDER BY kind, state`,
		[]any{ledger.Micros(at.Add(-7 * day)), ledger.Micros(at.Add(-14 * day)), ledger.Micros(at.Add(-31 * day)), ledger.Micros(at)},
		func(rows *sql.Rows) error {
			var c RequestCount
			var nearest int64
			err := rows.Scan((*string)(&c.Right), (*string)(&c.State), &c.Count, &c.Ages[0], &c.Ages[1], &c.Ages[2], &c.Ages[3], &nearest, &c.Overdue)
			if c.Open = c.State.Open(); c.Open {
				c.Nearest = ledger.FromMicros(nearest)
			} else {
				c.Ages, c.Overdue = [4]int64{}, 0
			}
			counts = append(counts, c)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count the requests: %w", err)
	}
	return counts, nil
}

// QueueStep is how many erasures under way are at one step.
type QueueStep struct {
	Step     EraseStep
	Count    int64
	Oldest   time.Time // when the first of them was received
	Deadline time.Time // the nearest
	Failing  int64     // of them, those whose last try failed
	Error    string    // of one of these, what is waited for or wrong
}

// Queue tells how far erasures under way are.
func (s *Store) Queue(ctx context.Context) (steps []QueueStep, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT step, count(*), min(received_micros), min(deadline_micros), count(CASE WHEN error <> '' THEN 1 END), max(error)
		FROM request WHERE state = 'in_progress' AND kind = 'erasure' GROUP BY step ORDER BY step`, nil, func(rows *sql.Rows) error {
		var q QueueStep
		var oldest, deadline int64
		err := rows.Scan((*string)(&q.Step), &q.Count, &oldest, &deadline, &q.Failing, &q.Error)
		q.Oldest, q.Deadline = ledger.FromMicros(oldest), ledger.FromMicros(deadline)
		steps = append(steps, q)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the queue of erasures: %w", err)
	}
	return steps, nil
}

// QueuePlace returns how many erasures come before one that is in no batch yet; -1
// when it does not wait for one.
func (s *Store) QueuePlace(ctx context.Context, r *Request) (place int64, err error) {
	if r.State != RequestRunning || r.Right != RightErasure || r.Batch != [16]byte{} {
		return -1, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = s.db.plain().QueryRowContext(ctx, `SELECT count(*) FROM request WHERE state = 'in_progress' AND kind = 'erasure' AND batch IS NULL
		AND (deadline_micros < $1 OR deadline_micros = $1 AND id < $2)`, ledger.Micros(r.Deadline), r.ID[:]).Scan(&place)
	if err != nil {
		return -1, fmt.Errorf("read the queue of erasures: %w", err)
	}
	return place, nil
}

// LateErasures counts erasures that were fenced before a time and whose rows are not
// proven to be gone.
func (s *Store) LateErasures(ctx context.Context, before time.Time) (late int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = s.db.plain().QueryRowContext(ctx, `SELECT count(*) FROM request WHERE state = 'in_progress' AND kind = 'erasure'
		AND step IN ('fenced', 'drained', 'deleted', 'settled') AND cutoff_micros < $1`, ledger.Micros(before)).Scan(&late)
	if err != nil {
		return 0, fmt.Errorf("count late erasures: %w", err)
	}
	return late, nil
}
