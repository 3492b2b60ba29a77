package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/control/ledger"
)

// RequestStates are all states.
var RequestStates = []RequestState{
	RequestUnverified, RequestInput, RequestPending, RequestApproved, RequestRunning, RequestPaused,
	RequestFailed, RequestDenied, RequestComplete, RequestCancelled, RequestDuplicate,
}

// Ends are the states that a request does not leave.
var Ends = []RequestState{RequestDenied, RequestComplete, RequestCancelled, RequestDuplicate}

// Open says whether something is still to be done about a request of the state.
func (s RequestState) Open() bool { return !slices.Contains(Ends, s) }

const openStates = `state NOT IN ('denied', 'complete', 'cancelled', 'duplicate')`

// AddRequests keeps new requests in one transaction. The answer is by their place:
// ErrOpen for one that is not kept, since another of the right with the same scope
// is open about the same person. One that is there already, by its id, stays as it
// is.
func (s *Store) AddRequests(ctx context.Context, list []Request) (refused []error, err error) {
	return s.AddRequestsWith(ctx, list, nil)
}

// AddRequestsWith is AddRequests which begins, in the same transaction, the tasks of
// each request that is kept; more returns them.
func (s *Store) AddRequestsWith(ctx context.Context, list []Request, more func(r *Request) []Task) (refused []error, err error) {
	refused = make([]error, len(list))
	err = s.change(ctx, "keep the requests", func(tx *sql.Tx) error {
		for i := range list {
			r := &list[i]
			if r.State.Open() {
				other, err := openAbout(ctx, tx, r)
				if err != nil {
					return err
				}
				if other {
					refused[i] = ErrOpen
					continue
				}
			}
			result, err := tx.ExecContext(ctx, insertRequest, requestValues(r)...)
			if err != nil {
				return err
			}
			if n, err := result.RowsAffected(); err != nil || n == 0 {
				return err
			}
			h := RequestHistory{Request: r.ID, At: now(), Actor: r.Actor, Act: "open", To: r.State, Note: r.Reason}
			if err := addHistory(ctx, tx, &h); err != nil {
				return err
			}
			if more == nil {
				continue
			}
			if err := beginTasks(ctx, tx, more(r)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return refused, nil
}

// openAbout says whether another request is open that asks for the same; one of no site,
// as retention opens them, is about the person at every site. What is to be corrected
// may differ each time.
func openAbout(ctx context.Context, tx *sql.Tx, r *Request) (bool, error) {
	if r.Handle.IsZero() || r.Right == RightRectification {
		return false, nil
	}
	var found int
	err := tx.QueryRowContext(ctx, `SELECT 1 FROM request WHERE site IN ($1, '') AND handle = $2 AND kind = $3 AND scope = $4 AND id <> $5 AND `+openStates+` LIMIT 1`,
		string(r.Site), r.Handle[:], string(r.Right), joinScope(r.Scope), r.ID[:]).Scan(&found)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, err
}

// Request returns one request.
func (s *Store) Request(ctx context.Context, id RequestID) (r Request, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	r, err = scanRequest(s.db.plain().QueryRowContext(ctx, `SELECT `+requestColumns+` FROM request WHERE id = $1`, id[:]))
	if errors.Is(err, sql.ErrNoRows) {
		return Request{}, false, nil
	}
	if err != nil {
		return Request{}, false, fmt.Errorf("read the request: %w", err)
	}
	return r, true, nil
}

// MaxRequests is how many requests are listed at once at most.
const MaxRequests = 1024

// Requests returns requests in the order of their deadlines.
func (s *Store) Requests(ctx context.Context, q RequestQuery) (found []Request, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	query, args := q.text()
	err = all(ctx, s.db.plain(), query, args, func(rows *sql.Rows) error {
		r, err := scanRequest(rows)
		found = append(found, r)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the requests: %w", err)
	}
	return found, nil
}

// text returns the query and its arguments.
func (q *RequestQuery) text() (query string, args []any) {
	where := []string{"TRUE"}
	mark := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	among := func(column string, values []any) {
		if len(values) == 0 {
			return
		}
		marks := make([]string, len(values))
		for i, v := range values {
			marks[i] = mark(v)
		}
		where = append(where, column+" IN ("+strings.Join(marks, ", ")+")")
	}
	if q.Site != "" {
		where = append(where, "site = "+mark(string(q.Site)))
	}
	if !q.Handle.IsZero() {
		where = append(where, "handle = "+mark(q.Handle[:]))
	}
	among("id", anys(q.IDs, func(id RequestID) any { return id[:] }))
	among("kind", anys(q.Rights, func(r Right) any { return string(r) }))
	among("state", anys(q.States, func(s RequestState) any { return string(s) }))
	if !q.AfterDeadline.IsZero() || q.AfterID != (RequestID{}) {
		d, id := mark(ledger.Micros(q.AfterDeadline)), mark(q.AfterID[:])
		where = append(where, fmt.Sprintf("(deadline_micros > %s OR deadline_micros = %s AND id > %s)", d, d, id))
	}
	limit := q.Limit
	if limit <= 0 || limit > MaxRequests {
		limit = MaxRequests
	}
	return `SELECT ` + requestColumns + ` FROM request WHERE ` + strings.Join(where, " AND ") +
		` ORDER BY deadline_micros, id LIMIT ` + mark(limit), args
}

func anys[T any](list []T, of func(T) any) []any {
	out := make([]any, len(list))
	for i, v := range list {
		out[i] = of(v)
	}
	return out
}

// ChangeRequest writes a request anew, with what was done. Its Revision is that
// which was read, else ErrRevision; the stored one is the next then. Handle, visitor,
// step, batch, cut-off and fence are not written by it.
func (s *Store) ChangeRequest(ctx context.Context, r Request, h RequestHistory) error {
	return s.change(ctx, "change the request", func(tx *sql.Tx) error { return changeRequest(ctx, tx, &r, &h) })
}

func changeRequest(ctx context.Context, tx *sql.Tx, r *Request, h *RequestHistory) error {
	result, err := tx.ExecContext(ctx, `UPDATE request SET scope = $3, state = $4, deadline_micros = $5, extended_micros = $6, extension = $7,
		told_micros = $8, paused_micros = $9, paused_days = $10, proof = $11, proof_by = $12, proof_micros = $13, ground = $14, duplicate_of = $15,
		undo_micros = $16, attempts = $17, next_micros = $18, error = $19, horizon_micros = $20, done_micros = $21, revision = revision + 1
		WHERE id = $1 AND revision = $2`,
		r.ID[:], r.Revision, joinScope(r.Scope), string(r.State), ledger.Micros(r.Deadline), ledger.Micros(r.Extended), r.Extension,
		ledger.Micros(r.Told), ledger.Micros(r.Paused), r.PausedDays, r.Proof, r.ProofBy, ledger.Micros(r.Proven), r.Ground, orNull(r.DuplicateOf),
		ledger.Micros(r.Undo), r.Attempts, ledger.Micros(r.Next), r.Error, ledger.Micros(r.Horizon), ledger.Micros(r.Done))
	if err != nil {
		return err
	}
	switch n, err := result.RowsAffected(); {
	case err != nil:
		return err
	case n != 1:
		return ErrRevision
	}
	if h.Act == "" {
		return nil
	}
	return addHistory(ctx, tx, h)
}

// SupplyRequest is ChangeRequest for a request of which it became known whom it is
// about: handle and visitor are written too. ErrOpen: another of the right is open
// about the same person, and nothing was written.
func (s *Store) SupplyRequest(ctx context.Context, r Request, h RequestHistory) error {
	return s.change(ctx, "change the request", func(tx *sql.Tx) error {
		switch other, err := openAbout(ctx, tx, &r); {
		case err != nil:
			return err
		case other:
			return ErrOpen
		}
		if _, err := tx.ExecContext(ctx, `UPDATE request SET handle = $3, visitor = $4 WHERE id = $1 AND revision = $2`,
			r.ID[:], r.Revision, orNull(r.Handle), r.Visitor); err != nil {
			return err
		}
		return changeRequest(ctx, tx, &r, &h)
	})
}

func addHistory(ctx context.Context, tx *sql.Tx, h *RequestHistory) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO request_history (request, at_micros, actor, act, from_state, to_state, note) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
		h.Request[:], ledger.Micros(h.At), h.Actor, h.Act, string(h.From), string(h.To), h.Note)
	return err
}

// RequestHistory returns what was done about a request, oldest first.
func (s *Store) RequestHistory(ctx context.Context, id RequestID) (list []RequestHistory, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT at_micros, actor, act, from_state, to_state, note FROM request_history WHERE request = $1 ORDER BY number`,
		[]any{id[:]}, func(rows *sql.Rows) error {
			h := RequestHistory{Request: id}
			var at int64
			err := rows.Scan(&at, &h.Actor, &h.Act, (*string)(&h.From), (*string)(&h.To), &h.Note)
			h.At = time.UnixMicro(at).UTC()
			list = append(list, h)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the history of the request: %w", err)
	}
	return list, nil
}
