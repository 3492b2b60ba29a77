package control

import (
	"context"
	"database/sql"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

// forgetting are the statements that take a handle of a site out of what is on
// record, beside the ledger. The row of its standing stays, bare, as long as it is
// needed against late events.
var forgetting = []string{
	`DELETE FROM choice WHERE site = $1 AND handle = $2`,
	`DELETE FROM link WHERE site = $1 AND (contact = $2 OR visitor = $2)`,
	`DELETE FROM confirmation WHERE site = $1 AND handle = $2`,
	`DELETE FROM agreement WHERE site = $1 AND handle = $2`,
	`DELETE FROM reach WHERE site = $1 AND handle = $2`,
	`UPDATE subject SET profiling_off = FALSE, opted_out = FALSE, automated_off = FALSE, country = '', minor_day = 0
		WHERE site = $1 AND handle = $2`,
}

// ForgetSubjects takes everybody that erasures are about out of the control store,
// by their handles, keeps the keyholder's entries of the journal, and moves the
// erasures to the step destroyed: all of one erasure in one transaction. Of the
// ledger the proof that something was said stays, and who said it goes. Doing it
// again does no harm. At the end files hold nothing of the rows as they were, as with
// Overwrite; when that fails the rest is done all the same.
func (s *Store) ForgetSubjects(ctx context.Context, list []Forgotten) error {
	for len(list) > 0 {
		n := min(len(list), eraseChunk/4)
		err := s.change(ctx, "forget data subjects", func(tx *sql.Tx) error {
			for i := range list[:n] {
				if err := forget(ctx, tx, &list[i]); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
		list = list[n:]
	}
	return s.Overwrite(ctx)
}

func forget(ctx context.Context, tx *sql.Tx, f *Forgotten) error {
	if len(f.Journal) > 0 {
		if _, err := tx.ExecContext(ctx, `INSERT INTO erasure_journal (id, at_micros, until_micros, sealed) VALUES ($1, $2, $3, $4)
			ON CONFLICT (id) DO NOTHING`, f.Request[:], ledger.Micros(now()), ledger.Micros(f.Keep), f.Journal); err != nil {
			return err
		}
	}
	handles, err := handlesIn(ctx, tx, f.Request)
	if err != nil {
		return err
	}
	for i := range handles {
		if err := forgetHandle(ctx, tx, &handles[i], f.Until); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `DELETE FROM erase_handle WHERE request = $1`, f.Request[:]); err != nil {
		return err
	}
	// Other requests of the same person, ended or not, named them too.
	for i := range handles {
		if _, err := tx.ExecContext(ctx, `UPDATE request SET handle = NULL, revision = revision + 1 WHERE site = $1 AND handle = $2 AND id <> $3`,
			string(handles[i].site), handles[i].handle[:], f.Request[:]); err != nil {
			return err
		}
	}
	_, err = tx.ExecContext(ctx, `UPDATE request SET handle = NULL, step = $2, revision = revision + 1 WHERE id = $1 AND step = $3`,
		f.Request[:], string(StepDestroyed), string(StepTold))
	return err
}

func handlesIn(ctx context.Context, tx *sql.Tx, id RequestID) (handles []who, err error) {
	err = all(ctx, tx, `SELECT site, handle FROM erase_handle WHERE request = $1`, []any{id[:]}, func(rows *sql.Rows) error {
		var w who
		err := rows.Scan((*string)(&w.site), (*handleColumn)(&w.handle))
		handles = append(handles, w)
		return err
	})
	return handles, err
}

func forgetHandle(ctx context.Context, tx *sql.Tx, w *who, until time.Time) error {
	if err := untie(ctx, tx, w); err != nil {
		return err
	}
	for _, statement := range forgetting {
		if _, err := tx.ExecContext(ctx, statement, string(w.site), w.handle[:]); err != nil {
			return err
		}
	}
	if _, err := tx.ExecContext(ctx, `UPDATE parts SET subject = NULL, subject_salt = NULL, linked = NULL, raw_signal = NULL, reason = NULL,
		proof_ref = NULL, guardian_ref = NULL, country = NULL WHERE subject = $2
		AND EXISTS (SELECT 1 FROM ledger l WHERE l.sequence = parts.sequence AND l.site = $1)`, string(w.site), w.handle[:]); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, `INSERT INTO erased (site, handle, until_micros) VALUES ($1, $2, $3) ON CONFLICT (site, handle) DO NOTHING`,
		string(w.site), w.handle[:], ledger.Micros(until))
	return err
}

// untie takes a handle out of the ledger's entries about others that name it: of
// contacts in conflict with it, and of those that a visitor is linked to.
func untie(ctx context.Context, tx *sql.Tx, w *who) error {
	for _, of := range []string{
		`SELECT other FROM conflict WHERE site = $1 AND contact = $2`, `SELECT contact FROM link WHERE site = $1 AND visitor = $2`,
	} {
		var others []event.Handle
		if err := all(ctx, tx, of, []any{string(w.site), w.handle[:]}, func(rows *sql.Rows) error {
			var h event.Handle
			err := rows.Scan((*handleColumn)(&h))
			others = append(others, h)
			return err
		}); err != nil {
			return err
		}
		for _, o := range others {
			if _, err := tx.ExecContext(ctx, `UPDATE parts SET linked = NULL WHERE subject = $1 AND linked IS NOT NULL AND substr(linked, $3) = $2`,
				o[:], w.handle[:], ledger.SaltSize+1); err != nil {
				return err
			}
		}
	}
	_, err := tx.ExecContext(ctx, `DELETE FROM conflict WHERE site = $1 AND (contact = $2 OR other = $2)`, string(w.site), w.handle[:])
	return err
}

// SweepErased takes away the bare standings of erased people, and the entries of the
// journal, whose time is over.
func (s *Store) SweepErased(ctx context.Context, at time.Time) error {
	err := s.change(ctx, "sweep up after erasures", func(tx *sql.Tx) error {
		for _, statement := range []string{
			`DELETE FROM subject WHERE EXISTS (SELECT 1 FROM erased e WHERE e.site = subject.site AND e.handle = subject.handle AND e.until_micros < $1)`,
			`DELETE FROM erased WHERE until_micros < $1`,
			`DELETE FROM erasure_journal WHERE until_micros < $1`,
		} {
			if _, err := tx.ExecContext(ctx, statement, ledger.Micros(at)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return s.Overwrite(ctx)
}
