package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/control/ledger"
	"zgoda/event"
)

// BadEntryError names the first entry at which the ledger does not verify.
type BadEntryError struct {
	Sequence event.Sequence
	Why      string
}

// Error names the entry and what is wrong with it, without content.
func (e *BadEntryError) Error() string {
	return fmt.Sprintf("the ledger was altered: entry %d %s", e.Sequence, e.Why)
}

// What can be wrong with an entry.
const (
	WhyMissing  = "is missing"
	WhyDamaged  = "is damaged"
	WhyPrevious = "does not follow the entry before it"
	WhyHash     = "does not match its hash"
	WhyPart     = "has a personal part that is not the one written"
	WhyHead     = "is not where the ledger's head says it ends"
	WhyAnchor   = "is not the one that was noted elsewhere"
)

// Verify walks the whole ledger and returns its head, or a *BadEntryError that
// names the first bad entry. Anchors are heads that were noted elsewhere: each
// must still be on the chain. An erased part is no fault. It takes no longer
// than ctx allows.
func (s *Store) Verify(ctx context.Context, anchors ...Head) (head Head, err error) {
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return Head{}, fmt.Errorf("verify the ledger: %w", err)
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback())) }()
	claimed, err := readHead(ctx, tx)
	if err != nil {
		return Head{}, fmt.Errorf("verify the ledger: %w", err)
	}
	v := verifier{anchors: anchors}
	if err := v.walk(ctx, tx); err != nil {
		return Head{}, err
	}
	if err := v.end(claimed); err != nil {
		return Head{}, err
	}
	return claimed, nil
}

type verifier struct {
	at      Head
	anchors []Head
}

// verifyStep is how many entries are read at a time.
const verifyStep = 1000

func (v *verifier) walk(ctx context.Context, tx *sql.Tx) error {
	for {
		var step []stored
		err := all(ctx, tx, `SELECT `+ledgerColumns+` FROM ledger l WHERE l.sequence > $1 ORDER BY l.sequence LIMIT $2`,
			[]any{int64(v.at.Sequence), verifyStep}, func(rows *sql.Rows) error {
				e, err := scanEntry(rows)
				if errors.Is(err, errDamaged) {
					e.Sequence = v.at.Sequence + event.Sequence(len(step)) + 1
					return &BadEntryError{e.Sequence, WhyDamaged}
				}
				step = append(step, e)
				return err
			})
		// The entries before a damaged one are looked at first: one of them may be
		// the first bad one.
		for i := range step {
			if err := v.entry(ctx, tx, &step[i]); err != nil {
				return err
			}
		}
		if err != nil {
			return fmt.Errorf("verify the ledger: %w", err)
		}
		if len(step) < verifyStep {
			return nil
		}
	}
}

func (v *verifier) entry(ctx context.Context, q querier, e *stored) error {
	want := v.at.Sequence + 1
	switch {
	case e.Sequence != want:
		return &BadEntryError{want, WhyMissing}
	case e.Previous != v.at.Hash:
		return &BadEntryError{want, WhyPrevious}
	case e.HashOf(e.key, &e.commitments) != e.Hash:
		return &BadEntryError{want, WhyHash}
	}
	err := eachPart(ctx, q, e.Sequence, func(p ledger.Part, salt [ledger.SaltSize]byte, value []byte) error {
		if ledger.Commit(p, salt, value) != e.commitments[p-1] {
			return &BadEntryError{want, WhyPart}
		}
		return nil
	})
	if errors.Is(err, errDamaged) {
		return &BadEntryError{want, WhyPart}
	}
	if err != nil {
		return fmt.Errorf("verify the ledger: %w", err)
	}
	v.at = Head{Sequence: e.Sequence, Hash: e.Hash}
	for _, a := range v.anchors {
		if a.Sequence == v.at.Sequence && a.Hash != v.at.Hash {
			return &BadEntryError{want, WhyAnchor}
		}
	}
	return nil
}

// end compares the end of the chain with the head and the anchors.
func (v *verifier) end(claimed Head) error {
	if claimed.Sequence > v.at.Sequence {
		return &BadEntryError{v.at.Sequence + 1, WhyMissing}
	}
	if claimed != v.at {
		return &BadEntryError{v.at.Sequence, WhyHead}
	}
	for _, a := range v.anchors {
		if a.Sequence > v.at.Sequence {
			return &BadEntryError{v.at.Sequence + 1, WhyMissing}
		}
	}
	return nil
}
