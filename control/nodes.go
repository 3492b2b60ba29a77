package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// LeaseErasure is the lease of the one node that leads erasures.
const LeaseErasure = "erasure"

// Lease takes a lease for this node, or renews it, and says whether this node has
// it. Another's is passed over until its time is over.
func (s *Store) Lease(ctx context.Context, name string, until, now time.Time) (held bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	result, err := s.db.changes().ExecContext(ctx, `INSERT INTO lease (name, node, until_micros) VALUES ($1, $2, $3)
		ON CONFLICT (name) DO UPDATE SET node = excluded.node, until_micros = excluded.until_micros
		WHERE lease.node = excluded.node OR lease.until_micros < $4`, name, string(s.cfg.Node), ledger.Micros(until), ledger.Micros(now))
	if err != nil {
		return false, fmt.Errorf("take the lease: %w", err)
	}
	n, err := result.RowsAffected()
	return err == nil && n == 1, err
}

// leads returns ErrNotLeader unless this node has the lease of erasures now.
func (s *Store) leads(ctx context.Context, tx *sql.Tx, now time.Time) error {
	var held int
	err := tx.QueryRowContext(ctx, `SELECT count(*) FROM lease WHERE name = $1 AND node = $2 AND until_micros > $3`,
		LeaseErasure, string(s.cfg.Node), ledger.Micros(now)).Scan(&held)
	if err == nil && held == 0 {
		return ErrNotLeader
	}
	return err
}

// Beat notes that this node is there, and that it enforces every change up to a
// sequence. One that was declared gone stays so until SetGone says otherwise.
func (s *Store) Beat(ctx context.Context, through event.Sequence, now time.Time) error {
	return s.changeNodes(ctx, "note that this node is there", `INSERT INTO node (name, seen_micros, through, gone) VALUES ($1, $2, $3, FALSE)
		ON CONFLICT (name) DO UPDATE SET seen_micros = excluded.seen_micros, through = excluded.through`,
		string(s.cfg.Node), ledger.Micros(now), int64(through))
}

// Nodes returns the gateways of this store, by name.
func (s *Store) Nodes(ctx context.Context) (nodes []Node, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT name, seen_micros, through, gone FROM node ORDER BY name`, nil, func(rows *sql.Rows) error {
		var n Node
		var seen, through int64
		err := rows.Scan((*string)(&n.Name), &seen, &through, &n.Gone)
		n.Seen, n.Through = ledger.FromMicros(seen), event.Sequence(through)
		nodes = append(nodes, n)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the nodes: %w", err)
	}
	return nodes, nil
}

// SetGone declares that a node does not come back with anything on its disk, or
// that it is there again. A node that is not known is ErrNoNode.
func (s *Store) SetGone(ctx context.Context, node ledger.Writer, gone bool) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	result, err := s.db.changes().ExecContext(ctx, `UPDATE node SET gone = $2 WHERE name = $1`, string(node), gone)
	if err != nil {
		return fmt.Errorf("note whether the node is gone: %w", err)
	}
	if n, err := result.RowsAffected(); err != nil || n == 0 {
		return ErrNoNode
	}
	return nil
}

func (s *Store) changeNodes(ctx context.Context, act, query string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if _, err := s.db.changes().ExecContext(ctx, query, args...); err != nil {
		return fmt.Errorf("%s: %w", act, err)
	}
	return nil
}

// Current reads the sequence of the last change that any node wrote.
func (s *Store) Current(ctx context.Context) (event.Sequence, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	at, err := readSequence(ctx, s.db.plain())
	if err != nil {
		return 0, fmt.Errorf("read the ledger's head: %w", err)
	}
	return at, nil
}
