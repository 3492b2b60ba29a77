package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"zgoda/control/ledger"
	"zgoda/event"
)

// requestColumns are the columns of a request, in the order of requestValues and
// scanRequest.
const requestColumns = `id, site, kind, mode, scope, origin, state, handle, visitor, received_micros, deadline_micros, extended_micros, extension,
	told_micros, paused_micros, paused_days, proof, proof_by, proof_micros, actor, reason, ground, duplicate_of, undo_micros, cutoff_micros, fence,
	step, batch, attempts, next_micros, error, horizon_micros, done_micros, imported, revision`

var insertRequest = func() string {
	marks := make([]string, strings.Count(requestColumns, ",")+1)
	for i := range marks {
		marks[i] = fmt.Sprintf("$%d", i+1)
	}
	return `INSERT INTO request (` + requestColumns + `) VALUES (` + strings.Join(marks, ", ") + `) ON CONFLICT (id) DO NOTHING`
}()

func requestValues(r *Request) []any {
	return []any{
		r.ID[:], string(r.Site), string(r.Right), string(r.Mode), joinScope(r.Scope), r.Origin, string(r.State), orNull(r.Handle), r.Visitor,
		ledger.Micros(r.Received), ledger.Micros(r.Deadline), ledger.Micros(r.Extended), r.Extension,
		ledger.Micros(r.Told), ledger.Micros(r.Paused), r.PausedDays, r.Proof, r.ProofBy, ledger.Micros(r.Proven), r.Actor, r.Reason, r.Ground,
		orNull(r.DuplicateOf), ledger.Micros(r.Undo), ledger.Micros(r.Cutoff), int64(r.Fence),
		string(r.Step), orNull(r.Batch), r.Attempts, ledger.Micros(r.Next), r.Error, ledger.Micros(r.Horizon), ledger.Micros(r.Done), r.Imported, r.Revision,
	}
}

func scanRequest(rows interface{ Scan(dest ...any) error }) (r Request, err error) {
	var scope string
	var id, handle, duplicate, batch []byte
	var received, deadline, extended, told, paused, proven, undo, cutoff, fence, next, horizon, done int64
	err = rows.Scan(&id, (*string)(&r.Site), (*string)(&r.Right), (*string)(&r.Mode), &scope, &r.Origin, (*string)(&r.State), &handle, &r.Visitor,
		&received, &deadline, &extended, &r.Extension, &told, &paused, &r.PausedDays, &r.Proof, &r.ProofBy, &proven, &r.Actor, &r.Reason, &r.Ground,
		&duplicate, &undo, &cutoff, &fence, (*string)(&r.Step), &batch, &r.Attempts, &next, &r.Error, &horizon, &done, &r.Imported, &r.Revision)
	if err != nil {
		return r, err
	}
	for _, c := range []struct {
		from []byte
		to   []byte
		must bool
	}{{id, r.ID[:], true}, {handle, r.Handle[:], false}, {duplicate, r.DuplicateOf[:], false}, {batch, r.Batch[:], false}} {
		if len(c.from) != len(c.to) && (c.must || len(c.from) != 0) {
			return r, errDamaged
		}
		copy(c.to, c.from)
	}
	r.Scope = splitScope(scope)
	r.Received, r.Deadline, r.Extended = ledger.FromMicros(received), ledger.FromMicros(deadline), ledger.FromMicros(extended)
	r.Told, r.Paused, r.Proven = ledger.FromMicros(told), ledger.FromMicros(paused), ledger.FromMicros(proven)
	r.Undo, r.Cutoff, r.Fence = ledger.FromMicros(undo), ledger.FromMicros(cutoff), event.Sequence(fence)
	r.Next, r.Horizon, r.Done = ledger.FromMicros(next), ledger.FromMicros(horizon), ledger.FromMicros(done)
	return r, nil
}

func joinScope(scope []event.PurposeID) string {
	texts := make([]string, len(scope))
	for i, p := range scope {
		texts[i] = string(p)
	}
	return strings.Join(texts, ",")
}

func splitScope(text string) (scope []event.PurposeID) {
	for p := range strings.SplitSeq(text, ",") {
		if p != "" {
			scope = append(scope, event.PurposeID(p))
		}
	}
	return scope
}

// orNull is nothing for a name of zeros.
func orNull[T ~[16]byte](b T) any {
	if b == (T{}) {
		return nil
	}
	return b[:]
}

// change does something in one transaction, beside which no other one of any node
// changes requests.
func (s *Store) change(ctx context.Context, act string, do func(tx *sql.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	tx, err := s.db.changes().BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	defer func() { _ = tx.Rollback() }() // after a commit it does nothing
	if s.Shared() {                      // a file has one writer anyway
		if _, err := tx.ExecContext(ctx, `SELECT 1 FROM head WHERE id = 1 FOR UPDATE`); err != nil {
			return fmt.Errorf("%s: %w", act, err)
		}
	}
	if err := do(tx); err != nil {
		if errors.Is(err, ErrRevision) || errors.Is(err, ErrOpen) || errors.Is(err, ErrNotLeader) {
			return err
		}
		return fmt.Errorf("%s: %w", act, err)
	}
	if err := tx.Commit(); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}
