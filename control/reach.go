package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// ReachWhat is why rows that are there already are to be reached.
type ReachWhat string

// The reasons.
const (
	ReachWithdrawn    ReachWhat = "withdrawn"     // of one purpose, or an objection to it
	ReachProfilingOff ReachWhat = "profiling_off" // of all purposes of kind profiling, one after the other
	// ReachHidden keeps a visitor findable who is hidden: it has no row to be taken away.
	ReachHidden ReachWhat = "hidden"
)

// ReachState is how far one is.
type ReachState string

// The states. Those that are done are not kept.
const (
	ReachNoted   ReachState = "noted"   // a browser is about to say it; the ledger may not have it
	ReachWaiting ReachState = "waiting" // the keyholder does not have the case yet
	ReachOpen    ReachState = "open"    // it has, under the id
	ReachTaken   ReachState = "taken"   // in a batch
	ReachKept    ReachState = "kept"    // of ReachHidden
)

// Reach is what one withdrawal has yet to do to the rows that are there already.
type Reach struct {
	ID       [16]byte // random; the keyholder's case has the same
	Site     event.SiteID
	Handle   event.Handle // the consent pseudonym
	What     ReachWhat
	Bit      uint8          // of the purpose
	Policy   string         // erase or anonymise
	Sealed   []byte         // a visitor, sealed to the keyholder until there is a case
	Sequence event.Sequence // of the entry; 0 of one that was noted
	State    ReachState
	Batch    [16]byte
	Made     time.Time // of the withdrawal
	Attempts int
	Next     time.Time // not before
}

const reachColumns = `id, site, handle, what, bit, policy, sealed, sequence, state, batch, made_micros, attempts, next_micros`

// MaxReaches is how many are read or written at once at most.
const MaxReaches = 1024

// AddReaches keeps some that are about to be, or are. One that is there by its id
// stays as it is.
func (s *Store) AddReaches(ctx context.Context, list []Reach) error {
	if len(list) == 0 {
		return nil
	}
	return s.change(ctx, "keep what withdrawals are to reach", func(tx *sql.Tx) error { return addReaches(ctx, tx, list) })
}

func addReaches(ctx context.Context, tx *sql.Tx, list []Reach) error {
	for i := range list {
		r := &list[i]
		var sealed any
		if len(r.Sealed) > 0 {
			sealed = r.Sealed
		}
		if _, err := tx.ExecContext(ctx, `INSERT INTO reach (`+reachColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
			ON CONFLICT (id) DO NOTHING`, r.ID[:], string(r.Site), orNull(r.Handle), string(r.What), int64(r.Bit), r.Policy, sealed,
			int64(r.Sequence), string(r.State), orNull(r.Batch), ledger.Micros(r.Made), r.Attempts, ledger.Micros(r.Next)); err != nil {
			return err
		}
	}
	return nil
}

// Said is an entry of the ledger that reaches rows.
type Said struct {
	Sequence event.Sequence
	Site     event.SiteID
	Purpose  event.PurposeID
	State    ledger.State // withdrawn, objected or profiling_off
	At       time.Time
	Subject  event.Handle
}

// FollowReaches reads what was withdrawn since it was called last, a part of the
// ledger at a time, and keeps what reach makes of it: both or neither. It is false
// once it has read everything.
func (s *Store) FollowReaches(ctx context.Context, reach func(Said) []Reach) (more bool, err error) {
	err = s.change(ctx, "follow what is withdrawn", func(tx *sql.Tx) error {
		const name = "reach"
		var at, head int64
		if err := tx.QueryRowContext(ctx, `SELECT COALESCE((SELECT sequence FROM follower WHERE name = $1), 0),
			(SELECT sequence FROM head WHERE id = 1)`, name).Scan(&at, &head); err != nil {
			return err
		}
		to := min(head, at+followed)
		if more = to < head; to == at {
			return nil
		}
		var list []Reach
		err := all(ctx, tx, `SELECT l.sequence, l.site, l.purpose, l.state, l.at_micros, p.subject FROM ledger l
			JOIN parts p ON p.sequence = l.sequence WHERE l.sequence > $1 AND l.sequence <= $2
			AND l.state IN ('withdrawn', 'objected', 'profiling_off') AND p.subject IS NOT NULL ORDER BY l.sequence`,
			[]any{at, to}, func(rows *sql.Rows) error {
				var e Said
				var seq, micros int64
				var state string
				if err := rows.Scan(&seq, (*string)(&e.Site), (*string)(&e.Purpose), &state, &micros, (*handleColumn)(&e.Subject)); err != nil {
					return err
				}
				e.Sequence, e.State, e.At = event.Sequence(seq), ledger.ParseState(state), ledger.FromMicros(micros)
				list = append(list, reach(e)...)
				return nil
			})
		if err != nil {
			return err
		}
		if err := addReaches(ctx, tx, list); err != nil {
			return err
		}
		_, err = tx.ExecContext(ctx, `INSERT INTO follower (name, sequence) VALUES ($1, $2)
			ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence`, name, to)
		return err
	})
	return more, err
}

// followed is how many entries one transaction looks through.
const followed = 20_000

// Reaches returns those in a state that may be dealt with at a time, the oldest
// first, MaxReaches at most.
func (s *Store) Reaches(ctx context.Context, state ReachState, at time.Time) ([]Reach, error) {
	return s.reaches(ctx, s.db.plain(), `WHERE state = $1 AND next_micros <= $2 ORDER BY made_micros, id LIMIT $3`,
		string(state), ledger.Micros(at), MaxReaches)
}

// KeptReaches returns those of ReachHidden, by their ids, after one of them.
func (s *Store) KeptReaches(ctx context.Context, after [16]byte) ([]Reach, error) {
	return s.reaches(ctx, s.db.plain(), `WHERE state = $1 AND id > $2 ORDER BY id LIMIT $3`, string(ReachKept), after[:], MaxReaches)
}

func (s *Store) reaches(ctx context.Context, q querier, where string, args ...any) (list []Reach, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	if err = readReaches(ctx, q, where, args, &list); err != nil {
		return nil, fmt.Errorf("read what withdrawals are to reach: %w", err)
	}
	return list, nil
}

func readReaches(ctx context.Context, q querier, where string, args []any, list *[]Reach) error {
	return all(ctx, q, `SELECT `+reachColumns+` FROM reach `+where, args, func(rows *sql.Rows) error {
		var r Reach
		var id, handle, batch []byte
		var bit, seq, made, next int64
		err := rows.Scan(&id, (*string)(&r.Site), &handle, (*string)(&r.What), &bit, &r.Policy, &r.Sealed, &seq, (*string)(&r.State), &batch,
			&made, &r.Attempts, &next)
		if err != nil {
			return err
		}
		if len(id) != len(r.ID) || len(handle) != 0 && len(handle) != len(r.Handle) || bit < 0 || bit >= event.MaxPurposes {
			return errDamaged
		}
		copy(r.ID[:], id)
		copy(r.Handle[:], handle)
		copy(r.Batch[:], batch)
		r.Bit, r.Sequence, r.Made, r.Next = uint8(bit), event.Sequence(seq), ledger.FromMicros(made), ledger.FromMicros(next)
		*list = append(*list, r)
		return nil
	})
}

// SetReaches writes the states, sealed names, attempts and times of some; one that
// is gone stays so.
func (s *Store) SetReaches(ctx context.Context, list []Reach) error {
	if len(list) == 0 {
		return nil
	}
	return s.change(ctx, "move on what withdrawals are to reach", func(tx *sql.Tx) error {
		for i := range list {
			r := &list[i]
			var sealed any
			if len(r.Sealed) > 0 {
				sealed = r.Sealed
			}
			if _, err := tx.ExecContext(ctx, `UPDATE reach SET state = $2, sealed = $3, attempts = $4, next_micros = $5 WHERE id = $1`,
				r.ID[:], string(r.State), sealed, r.Attempts, ledger.Micros(r.Next)); err != nil {
				return err
			}
		}
		return nil
	})
}

// DropReaches forgets some.
func (s *Store) DropReaches(ctx context.Context, ids [][16]byte) error {
	if len(ids) == 0 {
		return nil
	}
	return s.change(ctx, "forget what withdrawals have reached", func(tx *sql.Tx) error {
		for i := range ids {
			if _, err := tx.ExecContext(ctx, `DELETE FROM reach WHERE id = $1`, ids[i][:]); err != nil {
				return err
			}
		}
		return nil
	})
}

// TakeReaches returns those of a batch. One that has none yet gets those that are
// open, the oldest first, limit at most: the same ones each time.
func (s *Store) TakeReaches(ctx context.Context, batch [16]byte, limit int) (list []Reach, err error) {
	err = s.change(ctx, "take what withdrawals are to reach into a batch", func(tx *sql.Tx) error {
		var n int
		if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM reach WHERE batch = $1`, batch[:]).Scan(&n); err != nil {
			return err
		}
		if n == 0 {
			if _, err := tx.ExecContext(ctx, `UPDATE reach SET batch = $1, state = 'taken' WHERE id IN
				(SELECT id FROM reach WHERE state = 'open' ORDER BY made_micros, id LIMIT $2)`, batch[:], limit); err != nil {
				return err
			}
		}
		list = nil
		return readReaches(ctx, tx, `WHERE batch = $1 ORDER BY made_micros, id`, []any{batch[:]}, &list)
	})
	return list, err
}

// FreeReaches opens those of a batch again.
func (s *Store) FreeReaches(ctx context.Context, batch [16]byte) error {
	within, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var n int
	if err := s.db.plain().QueryRowContext(within, `SELECT count(*) FROM reach WHERE batch = $1`, batch[:]).Scan(&n); err != nil {
		return fmt.Errorf("look for what a batch was to reach: %w", err)
	}
	if n == 0 {
		return nil
	}
	return s.change(ctx, "take what withdrawals are to reach from a batch", func(tx *sql.Tx) error {
		_, err := tx.ExecContext(ctx, `UPDATE reach SET batch = NULL, state = 'open' WHERE batch = $1 AND state = 'taken'`, batch[:])
		return err
	})
}

// ReachedBy forgets those of a batch, and returns their ids.
func (s *Store) ReachedBy(ctx context.Context, batch [16]byte) (ids [][16]byte, err error) {
	err = s.change(ctx, "forget what a batch has reached", func(tx *sql.Tx) error {
		var list []Reach
		if err := readReaches(ctx, tx, `WHERE batch = $1`, []any{batch[:]}, &list); err != nil {
			return err
		}
		ids = nil
		for i := range list {
			ids = append(ids, list[i].ID)
		}
		_, err := tx.ExecContext(ctx, `DELETE FROM reach WHERE batch = $1`, batch[:])
		return err
	})
	return ids, err
}

// ReachesBy returns which of the ids are kept here, MaxReaches of them at most.
func (s *Store) ReachesBy(ctx context.Context, ids [][16]byte) (kept [][16]byte, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	for i := range ids {
		var n int
		if err := s.db.plain().QueryRowContext(ctx, `SELECT count(*) FROM reach WHERE id = $1`, ids[i][:]).Scan(&n); err != nil {
			return nil, fmt.Errorf("look for what withdrawals are to reach: %w", err)
		}
		if n > 0 {
			kept = append(kept, ids[i])
		}
	}
	return kept, nil
}

// CountReaches returns how many wait, by state, beside those that are kept.
func (s *Store) CountReaches(ctx context.Context) (map[ReachState]int64, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	counts := map[ReachState]int64{}
	err := all(ctx, s.db.plain(), `SELECT state, count(*) FROM reach WHERE state <> 'kept' GROUP BY state`, nil, func(rows *sql.Rows) error {
		var state string
		var n int64
		err := rows.Scan(&state, &n)
		counts[ReachState(state)] = n
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count what withdrawals are to reach: %w", err)
	}
	return counts, nil
}
