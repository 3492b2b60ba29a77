package control

import (
	"context"
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/control/ledger"
)

// OpenDSR is a request as the system named it that handed it over.
type OpenDSR struct {
	ID         string // a UUID of the controller's making
	Controller string
	Request    RequestID // zero: nothing is known of the person
	BodyHash   [32]byte  // keyed, so that nobody can try out who it is about
	Callbacks  []string
	Status     string // what the controller was told last
	Received   time.Time
	Submitted  time.Time

	// State is the request's, or that of the request which it is a duplicate of; empty
	// when Request is zero. Deadline is the request's.
	State     RequestState
	Duplicate bool
	Right     Right
	Ground    string
	Undo      time.Time
	Deadline  time.Time
}

// ErrTaken is returned for an id under which something else was asked.
var ErrTaken = errors.New("something else was asked under this id")

// AddOpenDSR keeps a request by its controller and id, with what its callbacks are
// told. One that is there with the same body stays as it is; with another body:
// ErrTaken.
func (s *Store) AddOpenDSR(ctx context.Context, o OpenDSR, tell []Notice) error {
	callbacks, err := json.Marshal(o.Callbacks)
	if err != nil {
		return fmt.Errorf("keep the request of another system: %w", err)
	}
	taken := false
	err = s.change(ctx, "keep the request of another system", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `INSERT INTO opendsr (id, controller, request, body_hash, callbacks, status, received_micros, submitted_micros)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (controller, id) DO NOTHING`,
			o.ID, o.Controller, o.Request[:], o.BodyHash[:], string(callbacks), o.Status, ledger.Micros(o.Received), ledger.Micros(o.Submitted))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil {
			return err
		} else if n == 1 {
			return addNotices(ctx, tx, tell)
		}
		var hash []byte
		if err := tx.QueryRowContext(ctx, `SELECT body_hash FROM opendsr WHERE controller = $1 AND id = $2`, o.Controller, o.ID).Scan(&hash); err != nil {
			return err
		}
		taken = subtle.ConstantTimeCompare(hash, o.BodyHash[:]) != 1
		return nil
	})
	if err == nil && taken {
		return ErrTaken
	}
	return err
}

const selectOpenDSR = `SELECT o.id, o.controller, o.request, o.body_hash, o.callbacks, o.status, o.received_micros, o.submitted_micros,
	COALESCE(d.state, r.state, ''), COALESCE(r.state, '') = 'duplicate', COALESCE(r.kind, ''), COALESCE(r.ground, ''), COALESCE(d.undo_micros, r.undo_micros, 0), COALESCE(r.deadline_micros, 0)
	FROM opendsr o LEFT JOIN request r ON r.id = o.request LEFT JOIN request d ON d.id = r.duplicate_of AND r.state = 'duplicate' `

// OpenDSR returns a request by its controller and id.
func (s *Store) OpenDSR(ctx context.Context, controller, id string) (o OpenDSR, found bool, err error) {
	list, err := s.listOpenDSR(ctx, selectOpenDSR+`WHERE o.controller = $1 AND o.id = $2`, controller, id)
	if err != nil || len(list) == 0 {
		return OpenDSR{}, false, err
	}
	return list[0], true, nil
}

// OpenDSRToTell returns requests whose state is none of those that the status says
// which the controller was told last; statuses are those that each state is told as.
func (s *Store) OpenDSRToTell(ctx context.Context, statuses map[RequestState]string, limit int) ([]OpenDSR, error) {
	var cases strings.Builder
	args := []any{limit}
	for state, status := range statuses {
		args = append(args, string(state), status)
		fmt.Fprintf(&cases, " WHEN $%d THEN $%d", len(args)-1, len(args))
	}
	return s.listOpenDSR(ctx, selectOpenDSR+`WHERE r.id IS NOT NULL AND o.status <> CASE COALESCE(d.state, r.state)`+cases.String()+
		` ELSE o.status END ORDER BY o.received_micros, o.id LIMIT $1`, args...)
}

func (s *Store) listOpenDSR(ctx context.Context, query string, args ...any) (list []OpenDSR, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		var o OpenDSR
		var request, hash []byte
		var callbacks string
		var received, submitted, undo, deadline int64
		if err := rows.Scan(&o.ID, &o.Controller, &request, &hash, &callbacks, &o.Status, &received, &submitted,
			(*string)(&o.State), &o.Duplicate, (*string)(&o.Right), &o.Ground, &undo, &deadline); err != nil {
			return err
		}
		if len(request) != len(o.Request) || len(hash) != len(o.BodyHash) || json.Unmarshal([]byte(callbacks), &o.Callbacks) != nil {
			return errDamaged
		}
		copy(o.Request[:], request)
		copy(o.BodyHash[:], hash)
		o.Received, o.Submitted = ledger.FromMicros(received), ledger.FromMicros(submitted)
		o.Undo, o.Deadline = ledger.FromMicros(undo), ledger.FromMicros(deadline)
		list = append(list, o)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the requests of other systems: %w", err)
	}
	return list, nil
}

// TellOpenDSR notes the status that a controller is told now, with the notices that
// tell it. It does nothing unless was is what it was told last.
func (s *Store) TellOpenDSR(ctx context.Context, controller, id, was, status string, tell []Notice) error {
	return s.change(ctx, "note the status of a request of another system", func(tx *sql.Tx) error {
		result, err := tx.ExecContext(ctx, `UPDATE opendsr SET status = $4 WHERE controller = $1 AND id = $2 AND status = $3`, controller, id, was, status)
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
		return addNotices(ctx, tx, tell)
	})
}
