package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
)

const ledgerColumns = `l.sequence, l.site, l.purpose, l.purpose_version, l.text_hash, l.state, l.event_type, l.channel,
	l.surface, l.locale, l.gpc, l.dnt, l.at_micros, l.key_hash, l.commitments, l.previous, l.hash`

// stored is an entry as its row holds it.
type stored struct {
	ledger.Entry
	key         [32]byte
	commitments [ledger.Parts]ledger.Commitment
}

// errDamaged says that a row is not of the shape that was written.
var errDamaged = errors.New("the row is damaged")

func scanEntry(rows *sql.Rows) (e stored, err error) {
	var seq, micros int64
	var state, kind string
	var text, key, commitments, previous, hash []byte
	if err = rows.Scan(&seq, (*string)(&e.Site), (*string)(&e.Purpose), &e.PurposeVersion, &text, &state, &kind,
		&e.Channel, &e.Surface, &e.Locale, &e.GPC, &e.DNT, &micros, &key, &commitments, &previous, &hash); err != nil {
		return e, fmt.Errorf("%w: %w", errDamaged, err)
	}
	e.Sequence = event.Sequence(seq)
	e.Writer, e.Number = soloWriter, ledger.Number(seq)
	e.State, e.Type = ledger.ParseState(state), ledger.ParseEventType(kind)
	e.At = time.UnixMicro(micros).UTC()
	whole := len(commitments) == ledger.Parts*32 && e.State != ledger.StateUnknown && e.Type != ledger.EventUnknown
	for _, c := range []struct {
		to   *[32]byte
		from []byte
	}{{&e.TextHash, text}, {&e.key, key}, {&e.Previous, previous}, {&e.Hash, hash}} {
		whole = whole && len(c.from) == 32
		copy(c.to[:], c.from)
	}
	if !whole {
		return e, errDamaged
	}
	for i := range e.commitments {
		copy(e.commitments[i][:], commitments[i*32:])
	}
	return e, nil
}

// History returns the entries about one data subject that still have their
// subject, oldest first, at most limit of the latest ones.
func (s *Store) History(ctx context.Context, site event.SiteID, subject event.Handle, limit int) (_ []ledger.Entry, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	tx, err := s.read.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	defer func() {
		err = errors.Join(err, ignoreDone(tx.Rollback()))
		if err != nil {
			err = fmt.Errorf("read the history: %w", err)
		}
	}()
	var entries []ledger.Entry
	err = all(ctx, tx, `SELECT * FROM (SELECT `+ledgerColumns+` FROM part p JOIN ledger l ON l.sequence = p.sequence
		WHERE p.part = 1 AND p.value = $1 AND l.site = $2 ORDER BY l.sequence DESC LIMIT $3) AS latest ORDER BY sequence`,
		[]any{subject[:], string(site), limit}, func(rows *sql.Rows) error {
			e, err := scanEntry(rows)
			entries = append(entries, e.Entry)
			return err
		})
	if err != nil {
		return nil, err
	}
	for i := range entries {
		e := &entries[i]
		if err := eachPart(ctx, tx, e.Sequence, func(p ledger.Part, _ [ledger.SaltSize]byte, value []byte) error {
			if !e.SetValue(p, value) {
				return errDamaged
			}
			return nil
		}); err != nil {
			return nil, err
		}
	}
	return entries, nil
}

// eachPart hands over the parts of one entry that were not erased.
func eachPart(ctx context.Context, q querier, seq event.Sequence, do func(p ledger.Part, salt [ledger.SaltSize]byte, value []byte) error) error {
	return all(ctx, q, `SELECT part, salt, value FROM part WHERE sequence = $1 ORDER BY part`,
		[]any{int64(seq)}, func(rows *sql.Rows) error {
			var part uint8
			var salt, value []byte
			if err := rows.Scan(&part, &salt, &value); err != nil {
				return fmt.Errorf("%w: %w", errDamaged, err)
			}
			var fixed [ledger.SaltSize]byte
			if len(salt) != len(fixed) || part == 0 || int(part) > ledger.Parts {
				return errDamaged
			}
			copy(fixed[:], salt)
			return do(ledger.Part(part), fixed, value)
		})
}
