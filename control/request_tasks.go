package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/control/ledger"
)

// The states of a task.
const (
	TaskWaiting   = "waiting"
	TaskDone      = "done"
	TaskFailed    = "failed"
	TaskSignedOff = "signed_off"
)

// Review is the word of one who had to agree to a request.
type Review struct {
	Reviewer string
	At       time.Time
	Word     string // approve
}

// Tasks returns the parts of a request's work, by name.
func (s *Store) Tasks(ctx context.Context, id RequestID) (tasks []Task, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT name, state, rows_before, rows_after, attempts, verified_micros, actor, note FROM request_task
		WHERE request = $1 ORDER BY name`, []any{id[:]}, func(rows *sql.Rows) error {
		t := Task{Request: id}
		var verified int64
		err := rows.Scan(&t.Name, &t.State, &t.Before, &t.After, &t.Attempts, &verified, &t.Actor, &t.Note)
		t.Verified = ledger.FromMicros(verified)
		tasks = append(tasks, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read the tasks of the request: %w", err)
	}
	return tasks, nil
}

// PutTasks writes tasks by request and name. What was counted before the work
// began stays as it was counted first.
func (s *Store) PutTasks(ctx context.Context, tasks []Task) error {
	if len(tasks) == 0 {
		return nil
	}
	return s.change(ctx, "write the tasks", func(tx *sql.Tx) error {
		for i := range tasks {
			if err := putTask(ctx, tx, &tasks[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func putTask(ctx context.Context, tx *sql.Tx, t *Task) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO request_task (request, name, state, rows_before, rows_after, attempts, verified_micros, actor, note)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (request, name) DO UPDATE SET state = excluded.state,
		rows_before = CASE request_task.rows_before WHEN -1 THEN excluded.rows_before ELSE request_task.rows_before END,
		rows_after = excluded.rows_after, attempts = excluded.attempts, verified_micros = excluded.verified_micros, actor = excluded.actor, note = excluded.note`,
		t.Request[:], t.Name, t.State, t.Before, t.After, t.Attempts, ledger.Micros(t.Verified), t.Actor, t.Note)
	return err
}

// BeginTasks writes tasks that are not there yet, and leaves those that are.
func (s *Store) BeginTasks(ctx context.Context, tasks []Task) error {
	if len(tasks) == 0 {
		return nil
	}
	return s.change(ctx, "write the tasks", func(tx *sql.Tx) error { return beginTasks(ctx, tx, tasks) })
}

func beginTasks(ctx context.Context, tx *sql.Tx, tasks []Task) error {
	for i := range tasks {
		t := &tasks[i]
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_task (request, name, state, rows_before, rows_after, attempts, verified_micros, actor, note)
			VALUES ($1, $2, $3, $4, $5, 0, 0, '', '') ON CONFLICT (request, name) DO NOTHING`, t.Request[:], t.Name, t.State, t.Before, t.After); err != nil {
			return err
		}
	}
	return nil
}

// AddReview notes that somebody agrees to a request, once, and returns how many
// have.
func (s *Store) AddReview(ctx context.Context, id RequestID, r Review) (agreed int, err error) {
	err = s.change(ctx, "note the review", func(tx *sql.Tx) error {
		if _, err := tx.ExecContext(ctx, `INSERT INTO request_review (request, reviewer, at_micros, word) VALUES ($1, $2, $3, $4)
			ON CONFLICT (request, reviewer) DO NOTHING`, id[:], r.Reviewer, ledger.Micros(r.At), r.Word); err != nil {
			return err
		}
		return tx.QueryRowContext(ctx, `SELECT count(*) FROM request_review WHERE request = $1`, id[:]).Scan(&agreed)
	})
	return agreed, err
}

// Reviews returns who agreed to a request, first to last.
func (s *Store) Reviews(ctx context.Context, id RequestID) (list []Review, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT reviewer, at_micros, word FROM request_review WHERE request = $1 ORDER BY at_micros, reviewer`,
		[]any{id[:]}, func(rows *sql.Rows) error {
			var r Review
			var at int64
			err := rows.Scan(&r.Reviewer, &at, &r.Word)
			r.At = ledger.FromMicros(at)
			list = append(list, r)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the reviews of the request: %w", err)
	}
	return list, nil
}
