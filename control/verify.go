package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"zgoda/control/ledger"
	"zgoda/event"
)

// Verify walks the chains of all writers and returns their heads by name, or a
// *ledger.BadEntryError that names the first bad entry. Anchors are heads that
// were noted elsewhere: each must still be on its chain. An erased part is no
// fault. It takes no longer than ctx allows.
func (s *Store) Verify(ctx context.Context, anchors ...ledger.Head) (heads []ledger.Head, err error) {
	tx, err := s.snapshot(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, ignoreDone(tx.Rollback())) }()
	return verifyAll(ctx, tx, anchors)
}

// verifyAll verifies what is read in one snapshot.
func verifyAll(ctx context.Context, q querier, anchors []ledger.Head) ([]ledger.Head, error) {
	last, err := readSequence(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("verify the ledger: %w", err)
	}
	heads, err := readHeads(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("verify the ledger: %w", err)
	}
	v := verifier{anchors: anchors}
	if err := v.walk(ctx, q); err != nil {
		return nil, err
	}
	if err := v.end(last, heads); err != nil {
		return nil, err
	}
	return heads, nil
}

type verifier struct {
	ledger.Walker
	anchors []ledger.Head
}

func (v *verifier) walk(ctx context.Context, q querier) error {
	for {
		step, err := readEntries(ctx, q, entryColumns, v.Last())
		for i := range step {
			if err := v.entry(&step[i]); err != nil {
				return err
			}
		}
		if err != nil || len(step) < entriesStep {
			return err
		}
	}
}

func (v *verifier) entry(e *ledger.Stored) error {
	if err := v.Entry(e); err != nil {
		return err
	}
	for _, a := range v.anchors {
		if a.Writer == e.Writer && a.Number == e.Number && a.Hash != e.Hash {
			return &ledger.BadEntryError{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Why: ledger.WhyAnchor}
		}
	}
	return nil
}

// end compares the ends of the chains with the heads and the anchors.
func (v *verifier) end(last event.Sequence, heads []ledger.Head) error {
	if last > v.Last() {
		return &ledger.BadEntryError{Sequence: v.Last() + 1, Why: ledger.WhyMissing}
	}
	if last < v.Last() || len(heads) != v.Writers() {
		return &ledger.BadEntryError{Sequence: v.Last(), Why: ledger.WhyHead}
	}
	for _, h := range heads {
		switch at := v.Head(h.Writer); {
		case h.Number > at.Number:
			return &ledger.BadEntryError{Writer: h.Writer, Number: at.Number + 1, Why: ledger.WhyMissing}
		case h != at:
			return &ledger.BadEntryError{Writer: h.Writer, Number: at.Number, Sequence: at.Sequence, Why: ledger.WhyHead}
		}
	}
	for _, a := range v.anchors {
		if at := v.Head(a.Writer); a.Number > at.Number {
			return &ledger.BadEntryError{Writer: a.Writer, Number: at.Number + 1, Why: ledger.WhyMissing}
		}
	}
	return nil
}

func ignoreDone(err error) error {
	if errors.Is(err, sql.ErrTxDone) {
		return nil
	}
	return err
}
