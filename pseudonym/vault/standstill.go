package vault

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/pseudonym/standstill"
)

// Standstill is the board of the gateways of several keyholders: package standstill,
// in the database of their vault and by its clock. Which keyholder a gateway talks to
// does not matter, and a restart forgets nobody.
//
// A gateway's word that it holds counts only if its keyholder had the same keys, by
// their revision, as the one by which the lease was taken. Until then it holds all the
// same.
type Standstill struct{ db *sql.DB }

// Standstill returns the board that goes with the keysets.
func (s *Shelf) Standstill() *Standstill { return &Standstill{s.db} }

// Ready notes that a gateway is there and whether it holds, and says whether it is to
// hold for another. revision is that of the keys which it is told of.
func (s *Standstill) Ready(ctx context.Context, by, name string, held bool, revision uint64) (hold bool, err error) {
	if name == "" {
		return false, nil
	}
	var fresh bool
	err = s.db.QueryRowContext(ctx, `
		WITH l AS (SELECT turn + 1 AS turn, revision = $4 AS same, leader <> $2 AND until > clock_timestamp() AS hold FROM lease),
		n AS (
			INSERT INTO gateways AS g (caller, name, heard, told, held)
			SELECT $1, $2, clock_timestamp(), CASE WHEN hold AND same THEN turn ELSE 0 END, 0 FROM l
			ON CONFLICT (caller, name) DO UPDATE SET heard = excluded.heard,
				held = CASE WHEN $3 AND g.told = (SELECT turn FROM l WHERE same) THEN g.told ELSE 0 END,
				told = greatest(g.told, excluded.told)
			RETURNING xmax = 0 AS fresh
		)
		SELECT l.hold, n.fresh FROM l, n`, by, name, held, int64(revision)).Scan(&hold, &fresh)
	if err == nil && fresh {
		err = s.crowd(ctx, by, name)
	}
	if err != nil {
		return false, fmt.Errorf("note a gateway: %w", err)
	}
	return hold, nil
}

// crowd forgets gateways that nobody waits for any more, and more than one caller
// speaks for.
func (s *Standstill) crowd(ctx context.Context, by, name string) error {
	_, err := s.db.ExecContext(ctx, `
		DELETE FROM gateways WHERE heard < clock_timestamp() - make_interval(secs => $4)
		OR caller = $1 AND name IN (SELECT name FROM gateways WHERE caller = $1 AND name <> $2 ORDER BY heard DESC OFFSET $3)`,
		by, name, standstill.MaxNames-1, standstill.Known.Seconds())
	return err
}

// Lease takes or renews the lease for a gateway, unless another has it. held is true
// once every other gateway holds under the keys of that revision.
func (s *Standstill) Lease(ctx context.Context, name string, revision uint64) (held bool, until time.Time, err error) {
	asked := time.Now() // by this clock the lease ends no later than by the database's
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("take a lease: %w", err)
	}
	defer tx.Rollback() //nolint:errcheck // it does nothing after Commit
	var left float64
	var free bool
	err = tx.QueryRowContext(ctx, `
		SELECT leader = $1 OR clock_timestamp() >= until + make_interval(secs => $2), greatest(0, extract(epoch FROM until - clock_timestamp()))
		FROM lease FOR UPDATE`, name, standstill.Again.Seconds()).Scan(&free, &left)
	if err != nil {
		return false, time.Time{}, fmt.Errorf("take a lease: %w", err)
	}
	if !free {
		return false, asked.Add(time.Duration(left * float64(time.Second))), nil
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE lease SET turn = turn + CASE WHEN leader = $1 AND until > clock_timestamp() AND revision = $2 THEN 0 ELSE 1 END,
			leader = $1, revision = $2, until = clock_timestamp() + make_interval(secs => $3)`,
		name, int64(revision), standstill.Life.Seconds())
	if err != nil {
		return false, time.Time{}, fmt.Errorf("take a lease: %w", err)
	}
	waits, err := waitsOf(ctx, tx)
	if err != nil {
		return false, time.Time{}, err
	}
	if err := tx.Commit(); err != nil {
		return false, time.Time{}, fmt.Errorf("take a lease: %w", err)
	}
	return len(waits) == 0, asked.Add(standstill.Life), nil
}

// Release gives the lease up: all go on.
func (s *Standstill) Release(ctx context.Context, name string) error {
	_, err := s.db.ExecContext(ctx, "UPDATE lease SET until = clock_timestamp() WHERE leader = $1 AND until > clock_timestamp()", name)
	if err != nil {
		return fmt.Errorf("give a lease up: %w", err)
	}
	return nil
}

// Waits are the gateways that a lease waits for, by name; none without a lease.
func (s *Standstill) Waits(ctx context.Context) ([]string, error) { return waitsOf(ctx, s.db) }

func waitsOf(ctx context.Context, q querier) ([]string, error) {
	return namesOf(ctx, q, `
		SELECT DISTINCT name FROM gateways, lease WHERE until > clock_timestamp() AND name <> leader AND held <= turn
		AND heard >= clock_timestamp() - make_interval(secs => $1) ORDER BY name`, standstill.Known.Seconds())
}

// Nodes are the gateways that were heard of within a day, by name.
func (s *Standstill) Nodes(ctx context.Context) ([]string, error) {
	return namesOf(ctx, s.db, "SELECT DISTINCT name FROM gateways WHERE heard >= clock_timestamp() - make_interval(secs => $1) ORDER BY name", standstill.Known.Seconds())
}

func namesOf(ctx context.Context, q querier, query string, args ...any) (names []string, err error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	defer rows.Close() //nolint:errcheck // rows.Err says it
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, fmt.Errorf("list gateways: %w", err)
		}
		names = append(names, name)
	}
	if err := rows.Err(); err != nil {
		return nil, fmt.Errorf("list gateways: %w", err)
	}
	return names, nil
}
