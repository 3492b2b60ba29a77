package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/control/ledger"
)

// ErrTasks is returned for a request of which a task is not done.
var ErrTasks = errors.New("a task of the request is not done yet")

// Certificate returns the file that a request was completed with.
func (s *Store) Certificate(ctx context.Context, id RequestID) (file []byte, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var body string
	err = s.db.plain().QueryRowContext(ctx, `SELECT body FROM certificate WHERE request = $1`, id[:]).Scan(&body)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read the certificate: %w", err)
	}
	return []byte(body), true, nil
}

// Completion is an erasure that is done, with its certificate.
type Completion struct {
	Request     RequestID
	Certificate []byte
	Horizon     time.Time
}

// CompleteWith is CompleteMany for one erasure.
func (s *Store) CompleteWith(ctx context.Context, id RequestID, certificate []byte, horizon, now time.Time) error {
	refused, err := s.CompleteMany(ctx, []Completion{{id, certificate, horizon}}, now)
	if err != nil {
		return err
	}
	return refused[0]
}

// CompleteMany makes erasures complete and keeps their certificates, in one
// transaction. The answer is by place: ErrTasks: a task is not done, ErrRevision:
// the request is not in progress; nothing was written about it. Done again it does
// nothing: the first certificate stays.
func (s *Store) CompleteMany(ctx context.Context, list []Completion, now time.Time) (refused []error, err error) {
	err = s.change(ctx, "complete the requests", func(tx *sql.Tx) error {
		refused = make([]error, len(list))
		for i := range list {
			err := complete(ctx, tx, &list[i], now)
			if errors.Is(err, ErrTasks) || errors.Is(err, ErrRevision) {
				refused[i] = err
			} else if err != nil {
				return err
			}
		}
		return nil
	})
	return refused, err
}

func complete(ctx context.Context, tx *sql.Tx, c *Completion, now time.Time) error {
	var state string
	err := tx.QueryRowContext(ctx, `SELECT state FROM request WHERE id = $1`, c.Request[:]).Scan(&state)
	switch {
	case err != nil && !errors.Is(err, sql.ErrNoRows):
		return err
	case RequestState(state) == RequestComplete:
		return nil
	case RequestState(state) != RequestRunning:
		return ErrRevision
	}
	var tasks int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM request_task WHERE request = $1 AND state NOT IN ('done', 'signed_off')`, c.Request[:]).Scan(&tasks); err != nil {
		return err
	}
	if tasks > 0 {
		return ErrTasks
	}
	if _, err := tx.ExecContext(ctx, `INSERT INTO certificate (request, at_micros, body) VALUES ($1, $2, $3) ON CONFLICT (request) DO NOTHING`,
		c.Request[:], ledger.Micros(now), string(c.Certificate)); err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, `UPDATE request SET state = $2, step = $3, error = '', horizon_micros = $4, done_micros = $5, revision = revision + 1 WHERE id = $1`,
		c.Request[:], string(RequestComplete), string(StepCertified), ledger.Micros(c.Horizon), ledger.Micros(now)); err != nil {
		return err
	}
	return addHistory(ctx, tx, &RequestHistory{Request: c.Request, At: now, Actor: "zgoda", Act: "done", From: RequestRunning, To: RequestComplete})
}
