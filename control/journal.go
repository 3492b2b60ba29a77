package control

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"zgoda/control/ledger"
)

// JournalEntry is an erasure that is done, sealed by the keyholder.
type JournalEntry struct {
	ID        RequestID
	At, Until time.Time // when it was done; until when it is kept
	Sealed    []byte
}

// JournalIDs returns which erasures the store knows to be done.
func (s *Store) JournalIDs(ctx context.Context) (ids []RequestID, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout) // many rows
	defer cancel()
	err = all(ctx, s.db.plain(), `SELECT id FROM erasure_journal ORDER BY id`, nil, func(rows *sql.Rows) error {
		var id []byte
		if err := rows.Scan(&id); err != nil {
			return err
		}
		if len(id) != len(RequestID{}) {
			return errDamaged
		}
		ids = append(ids, RequestID(id))
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list the journal of erasures: %w", err)
	}
	return ids, nil
}

// JournalEntries returns entries of the journal; those that are not there are left out.
func (s *Store) JournalEntries(ctx context.Context, ids []RequestID) (found []JournalEntry, err error) {
	ctx, cancel := context.WithTimeout(ctx, 4*s.cfg.Timeout)
	defer cancel()
	for i := range ids {
		err := all(ctx, s.db.plain(), `SELECT at_micros, until_micros, sealed FROM erasure_journal WHERE id = $1`, []any{ids[i][:]}, func(rows *sql.Rows) error {
			e := JournalEntry{ID: ids[i]}
			var at, until int64
			if err := rows.Scan(&at, &until, &e.Sealed); err != nil {
				return err
			}
			e.At, e.Until = ledger.FromMicros(at), ledger.FromMicros(until)
			found = append(found, e)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("read the journal of erasures: %w", err)
		}
	}
	return found, nil
}

// AddJournal puts erasures into the journal that another part of the system knows to
// be done, and makes sure that each has a request, so that the list of requests is
// whole: one that a restore has lost comes back as complete, of origin `restore`, with
// what is known of it. One that is there and open, as it was when the backup was made,
// is complete too: nobody could carry it on without its keys. Those past the step told
// go on by themselves, to a certificate.
func (s *Store) AddJournal(ctx context.Context, entries []JournalEntry, of []Request) error {
	return s.change(ctx, "add to the journal of erasures", func(tx *sql.Tx) error {
		for i := range entries {
			e := &entries[i]
			if _, err := tx.ExecContext(ctx, `INSERT INTO erasure_journal (id, at_micros, until_micros, sealed) VALUES ($1, $2, $3, $4)
				ON CONFLICT (id) DO NOTHING`, e.ID[:], ledger.Micros(e.At), ledger.Micros(e.Until), e.Sealed); err != nil {
				return err
			}
		}
		for i := range of {
			if err := addRestored(ctx, tx, &of[i]); err != nil {
				return err
			}
		}
		return nil
	})
}

func addRestored(ctx context.Context, tx *sql.Tx, r *Request) error {
	result, err := tx.ExecContext(ctx, insertRequest, requestValues(r)...)
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil {
		return err
	} else if n == 0 {
		result, err = tx.ExecContext(ctx, `UPDATE request SET state = 'complete', step = 'certified', handle = NULL, error = '', next_micros = 0,
			done_micros = $2, revision = revision + 1 WHERE id = $1 AND kind = 'erasure' AND step NOT IN ('told', 'destroyed') AND `+openStates, r.ID[:], ledger.Micros(r.Done))
		if err != nil {
			return err
		}
		if n, err := result.RowsAffected(); err != nil || n == 0 {
			return err
		}
	}
	return addHistory(ctx, tx, &RequestHistory{
		Request: r.ID, At: r.Received, Actor: r.Actor, Act: "restore", To: r.State, Note: "carried out again after a restore that had lost it",
	})
}
