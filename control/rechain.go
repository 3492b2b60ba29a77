package control

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"zgoda/control/ledger"
	"zgoda/event"
)

// chainedColumns are entryColumns as far as a store has them when its entries are
// chained again: what came later is as nobody has said it.
var chainedColumns = strings.Replace(entryColumns, "l.adpc", "FALSE", 1)

// chainAgain chains the entries of a store that was made when there was one chain
// for all, of a format before this one: as the node's own, in their order. Their
// hashes are new; whatever was said and when is as it was.
func chainAgain(ctx context.Context, tx *sql.Tx, node ledger.Writer) error {
	if _, err := tx.ExecContext(ctx, `UPDATE ledger SET writer = $1, number = sequence,
		commitments = substr(CAST(commitments || zeroblob($2) AS BLOB), 1, $2)`, string(node), ledger.Parts*32); err != nil {
		return fmt.Errorf("name the writer: %w", err)
	}
	head := ledger.Head{Writer: node}
	for {
		step, err := readEntries(ctx, tx, chainedColumns, head.Sequence)
		if err != nil {
			return err
		}
		for i := range step {
			e := &step[i]
			if e.Sequence != head.Sequence+1 {
				return &ledger.BadEntryError{Sequence: head.Sequence + 1, Why: ledger.WhyMissing}
			}
			e.Previous = head.Hash
			head = ledger.Head{Writer: node, Number: ledger.Number(e.Sequence), Sequence: e.Sequence, Hash: e.HashOf(e.KeyHash, &e.Commitments)}
			if _, err := tx.ExecContext(ctx, `UPDATE ledger SET previous = $1, hash = $2 WHERE sequence = $3`,
				e.Previous[:], head.Hash[:], int64(e.Sequence)); err != nil {
				return fmt.Errorf("chain an entry: %w", err)
			}
		}
		if len(step) < entriesStep {
			break
		}
	}
	return endAgain(ctx, tx, head)
}

func endAgain(ctx context.Context, tx *sql.Tx, head ledger.Head) error {
	at, err := readSequence(ctx, tx)
	if err != nil {
		return fmt.Errorf("read the ledger's head: %w", err)
	}
	if at != head.Sequence {
		return &ledger.BadEntryError{Sequence: min(at, head.Sequence+event.Sequence(1)), Why: ledger.WhyMissing}
	}
	if head.Number > 0 {
		if _, err := tx.ExecContext(ctx, `INSERT INTO writer (name, number, sequence, hash) VALUES ($1, $2, $3, $4)`,
			string(head.Writer), int64(head.Number), int64(head.Sequence), head.Hash[:]); err != nil {
			return fmt.Errorf("write the writer: %w", err)
		}
	}
	if _, err := tx.ExecContext(ctx, `ALTER TABLE head DROP COLUMN hash`); err != nil {
		return fmt.Errorf("write the head: %w", err)
	}
	return nil
}
