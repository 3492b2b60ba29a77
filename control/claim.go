package control

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zgoda/control/ledger"
)

// ErrNodeTaken is returned when another process has a shared store open under
// this node's name: two would write one chain, and sign it with two keys.
var ErrNodeTaken = errors.New("another gateway runs under this node's name: give each a name of its own, by the setting node (ZGODA_NODE), and none the data folder of another")

// How often a name that is taken is asked for again, and how soon PostgreSQL
// notices that a machine has gone without a word: one that died can start again
// after about 11 seconds, and a process that died at once.
const (
	retryClaim    = 100 * time.Millisecond
	keepalive     = "5"
	keepaliveStep = "2"
	keepaliveMost = "3"
)

// claimLock is the advisory lock of a name.
func claimLock(node ledger.Writer) int64 {
	sum := sha256.Sum256([]byte("zgoda node " + node))
	return int64(binary.BigEndian.Uint64(sum[:]))
}

// claimant is what the connection that holds a name is called, so that this
// process knows its own when it has lost it.
func (d *postgres) claimant() string { return "zgoda " + string(d.cfg.Node) + " " + d.instance }

// claim makes a connection that holds the node's name for as long as it lives. It
// waits so long for another process to give it back.
func (d *postgres) claim(ctx context.Context, wait time.Duration) (*pgx.Conn, error) {
	conn, err := d.dial(ctx, func(p map[string]string) {
		p["application_name"] = d.claimant()
		p["tcp_keepalives_idle"], p["tcp_keepalives_interval"], p["tcp_keepalives_count"] = keepalive, keepaliveStep, keepaliveMost
	})
	if err != nil {
		return nil, fmt.Errorf("reach the control store: %w", withoutAddress(err))
	}
	if err := d.holdName(ctx, conn, wait); err != nil {
		hangUp(ctx, conn)
		return nil, err
	}
	return conn, nil
}

func (d *postgres) holdName(ctx context.Context, conn *pgx.Conn, wait time.Duration) error {
	deadline := time.Now().Add(wait)
	for {
		free, others, err := d.askForName(ctx, conn)
		switch {
		case err != nil:
			return fmt.Errorf("claim the node's name in the control store: %w", err)
		case free:
			return nil
		case others && !time.Now().Before(deadline):
			return fmt.Errorf("node %q in the control store: %w", d.cfg.Node, ErrNodeTaken)
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("claim the node's name in the control store: %w", ctx.Err())
		case <-time.After(retryClaim):
		}
	}
}

// askForName tries once. It says whether the name is this process's now, and if
// not, whether it is surely another one's. A connection of our own that the server
// believes in still, is ended.
func (d *postgres) askForName(ctx context.Context, conn *pgx.Conn) (free, others bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, beatPatience)
	defer cancel()
	lock := claimLock(d.cfg.Node)
	if err := conn.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, lock).Scan(&free); err != nil || free {
		return free, false, err
	}
	var pid int32
	var holder *string // hidden from us, or not there, when the process is another role's
	err = conn.QueryRow(ctx, `SELECT l.pid, a.application_name FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
			AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
			AND l.classid = ($1::bigint >> 32 & 4294967295)::oid AND l.objid = ($1::bigint & 4294967295)::oid`, lock).Scan(&pid, &holder)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, false, nil // it was given back meanwhile
	}
	if err != nil {
		return false, false, err
	}
	if holder == nil || *holder != d.claimant() {
		return false, true, nil
	}
	_, err = conn.Exec(ctx, `SELECT pg_terminate_backend($1)`, pid)
	return false, false, err
}

// takeEar returns the connection to hear on, which holds the node's name: the one that
// was made when the store was opened, or one made anew.
func (d *postgres) takeEar(ctx context.Context) (*pgx.Conn, error) {
	if conn := d.ear.Swap(nil); conn != nil {
		return conn, nil
	}
	return d.claim(ctx, 0)
}
