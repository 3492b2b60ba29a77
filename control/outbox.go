package control

import (
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"
	"time"

	"zgoda/control/ledger"
)

// Kinds of what others are told.
const (
	NoticeArt19   = "art19"   // a recipient of personal data, about a request (GDPR Art. 19)
	NoticeOpenDSR = "opendsr" // who handed over a request, about its status
)

// The states of a notice.
const (
	NoticeWaiting   = "waiting"
	NoticeDelivered = "delivered"
	NoticeNothing   = "no_identifier" // the recipient cannot have known the person by anything
	NoticeFailed    = "failed"        // given up, or refused for good: somebody does it by hand
)

// Notice is something that somebody else is told. It holds no identifier.
type Notice struct {
	ID         [16]byte
	Kind       string
	Request    RequestID
	Recipient  string // a name of the configuration, or a URL
	Body       string
	State      string
	Attempts   int
	Next       time.Time // not tried before
	Until, End time.Time // when it is given up; when it ended
	Answer     string    // a class, never words of others
}

// AddNotices keeps notices that wait. One that is there already, by its id, stays
// as it is.
func (s *Store) AddNotices(ctx context.Context, list []Notice) error {
	if len(list) == 0 {
		return nil
	}
	return s.change(ctx, "keep the notices", func(tx *sql.Tx) error { return addNotices(ctx, tx, list) })
}

func addNotices(ctx context.Context, tx *sql.Tx, list []Notice) error {
	for i := range list {
		n := &list[i]
		if _, err := tx.ExecContext(ctx, `INSERT INTO outbox (id, kind, request, recipient, body, state, attempts, next_micros, until_micros, done_micros, answer)
			VALUES ($1, $2, $3, $4, $5, 'waiting', 0, $6, $7, 0, '') ON CONFLICT (id) DO NOTHING`,
			n.ID[:], n.Kind, n.Request[:], n.Recipient, n.Body, ledger.Micros(n.Next), ledger.Micros(n.Until)); err != nil {
			return err
		}
	}
	return nil
}

const noticeColumns = `id, kind, request, recipient, body, state, attempts, next_micros, until_micros, done_micros, answer`

// dueNotices are those whose time has come, but for what follows another about the
// same request to the same recipient: they are told in their order.
const dueNotices = `state = 'waiting' AND next_micros <= $1 AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.request = outbox.request
	AND e.state = 'waiting' AND e.kind = outbox.kind AND e.recipient = outbox.recipient AND e.until_micros < outbox.until_micros AND e.request <> $2)`

// DueNotices takes notices whose time has come. Nobody else gets them before hold:
// whoever took them settles them by then, or they are tried once more.
func (s *Store) DueNotices(ctx context.Context, now, hold time.Time, limit int) (due []Notice, err error) {
	var nobody RequestID // what is told of requests about nobody has no order
	var found int
	short, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.db.plain().QueryRowContext(short, `SELECT count(*) FROM outbox WHERE `+dueNotices, ledger.Micros(now), nobody[:]).Scan(&found); err != nil {
		return nil, fmt.Errorf("look for notices: %w", err)
	}
	if found == 0 {
		return nil, nil
	}
	err = s.change(ctx, "take the notices", func(tx *sql.Tx) error {
		due = due[:0]
		var err error
		if due, err = readNotices(ctx, tx, dueNotices+` ORDER BY next_micros, id LIMIT $3`, ledger.Micros(now), nobody[:], limit); err != nil {
			return err
		}
		for i := range due {
			due[i].Attempts++
			if _, err := tx.ExecContext(ctx, `UPDATE outbox SET attempts = attempts + 1, next_micros = $2 WHERE id = $1`, due[i].ID[:], ledger.Micros(hold)); err != nil {
				return err
			}
		}
		return nil
	})
	return due, err
}

func readNotices(ctx context.Context, q querier, where string, args ...any) (list []Notice, err error) {
	err = all(ctx, q, `SELECT `+noticeColumns+` FROM outbox WHERE `+where, args, func(rows *sql.Rows) error {
		var n Notice
		var id, request []byte
		var next, until, end int64
		if err := rows.Scan(&id, &n.Kind, &request, &n.Recipient, &n.Body, &n.State, &n.Attempts, &next, &until, &end, &n.Answer); err != nil {
			return err
		}
		if len(id) != len(n.ID) || len(request) != len(n.Request) {
			return errDamaged
		}
		copy(n.ID[:], id)
		copy(n.Request[:], request)
		n.Next, n.Until, n.End = ledger.FromMicros(next), ledger.FromMicros(until), ledger.FromMicros(end)
		list = append(list, n)
		return nil
	})
	return list, err
}

// SettleNotice writes what came of a try: state, next, end and answer. It does
// nothing when somebody else has taken the notice since, by its Attempts.
func (s *Store) SettleNotice(ctx context.Context, n Notice) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	_, err := s.db.changes().ExecContext(ctx, `UPDATE outbox SET state = $3, next_micros = $4, done_micros = $5, answer = $6
		WHERE id = $1 AND attempts = $2 AND state = 'waiting'`,
		n.ID[:], n.Attempts, n.State, ledger.Micros(n.Next), ledger.Micros(n.End), n.Answer)
	if err != nil {
		return fmt.Errorf("settle the notice: %w", err)
	}
	return nil
}

// noticesAtOnce bounds the names in one query.
const noticesAtOnce = 500

// NoticesOf returns what is told about requests, by request, kind and recipient.
func (s *Store) NoticesOf(ctx context.Context, ids ...RequestID) (list []Notice, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	for some := range slices.Chunk(ids, noticesAtOnce) {
		marks := make([]string, len(some))
		for i := range some {
			marks[i] = fmt.Sprintf("$%d", i+1)
		}
		found, err := readNotices(ctx, s.db.plain(), `request IN (`+strings.Join(marks, ", ")+`) ORDER BY request, kind, recipient, next_micros, id`,
			anys(some, func(id RequestID) any { return id[:] })...)
		if err != nil {
			return nil, fmt.Errorf("read the notices: %w", err)
		}
		list = append(list, found...)
	}
	return list, nil
}

// CountNotices returns how many wait.
func (s *Store) CountNotices(ctx context.Context) (waiting int64, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err := s.db.plain().QueryRowContext(ctx, `SELECT count(*) FROM outbox WHERE state = 'waiting'`).Scan(&waiting); err != nil {
		return 0, fmt.Errorf("count the notices: %w", err)
	}
	return waiting, nil
}

// SweepNotices takes away what ended before a time.
func (s *Store) SweepNotices(ctx context.Context, before time.Time) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := s.db.changes().ExecContext(ctx, `DELETE FROM outbox WHERE state <> 'waiting' AND done_micros < $1`, ledger.Micros(before)); err != nil {
		return fmt.Errorf("sweep the notices: %w", err)
	}
	return nil
}
