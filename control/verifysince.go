package control

import (
	"context"

	"zgoda/control/ledger"
)

// VerifySince walks this node's chain from an entry that was noted, the zero head
// for its beginning, to its end, which it returns. An entry that is not the one that was
// written, or is gone, is a *ledger.BadEntryError. It takes no longer than ctx allows.
func (s *Store) VerifySince(ctx context.Context, from ledger.Head) (ledger.Head, error) {
	from.Writer = s.cfg.Node
	said, err := s.Head(ctx)
	if err != nil {
		return from, err
	}
	at, met := from, from.Number == 0
	after := from.Sequence
	if !met {
		after-- // the noted one is read too
	}
	for e, err := range s.Entries(ctx, after) {
		if err != nil {
			return at, err
		}
		if e.Writer != from.Writer {
			continue
		}
		if why := follows(&e, at, met); why != "" {
			return at, &ledger.BadEntryError{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Why: why}
		}
		at, met = ledger.Head{Writer: e.Writer, Number: e.Number, Sequence: e.Sequence, Hash: e.Hash}, true
	}
	switch {
	case !met:
		return at, &ledger.BadEntryError{Writer: from.Writer, Number: from.Number, Sequence: from.Sequence, Why: ledger.WhyMissing}
	case said.Number > at.Number:
		return at, &ledger.BadEntryError{Writer: at.Writer, Number: at.Number + 1, Why: ledger.WhyMissing}
	case said.Number == at.Number && said != at:
		return at, &ledger.BadEntryError{Writer: at.Writer, Number: at.Number, Sequence: at.Sequence, Why: ledger.WhyHead}
	}
	return at, nil
}

// follows says what is wrong with an entry: the noted one itself before that was met,
// else the one behind a head.
func follows(e *ledger.Stored, at ledger.Head, met bool) string {
	whole := e.HashOf(e.KeyHash, &e.Commitments) == e.Hash
	switch {
	case !met && (e.Number != at.Number || e.Hash != at.Hash):
		return ledger.WhyAnchor
	case met && e.Number != at.Number+1:
		return ledger.WhyMissing
	case met && e.Previous != at.Hash:
		return ledger.WhyPrevious
	case !whole:
		return ledger.WhyHash
	}
	return ""
}
