package control

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"slices"

	"zgoda/control/ledger"
	"zgoda/event"
)

// entryColumns are those of an entry and its parts.
const entryColumns = `l.sequence, l.writer, l.number, l.site, l.purpose, l.purpose_version, l.text_hash, l.state, l.event_type, l.channel,
	l.surface, l.locale, l.gpc, l.dnt, l.adpc, l.guardian, l.proof, l.at_micros, l.until_micros, l.key_hash, l.commitments, l.previous, l.hash,
	p.subject, p.subject_salt, p.linked, p.raw_signal, p.actor, p.reason, p.proof_ref, p.guardian_ref, p.country`

// errDamaged says that a row is not of the shape that was written.
var errDamaged = errors.New("the row is damaged")

// entryRow is a row of entryColumns.
type entryRow struct {
	seq, number, micros, until           int64
	writer, site, purpose                string
	version                              int64
	state, kind, proof                   string
	text, key, commitments, before, hash []byte
	parts                                [ledger.Parts + 1][]byte // as packParts has them
}

func scanEntry(rows *sql.Rows) (s ledger.Stored, err error) {
	var r entryRow
	dest := []any{
		&r.seq, &r.writer, &r.number, &r.site, &r.purpose, &r.version, &r.text, &r.state, &r.kind, &s.Channel,
		&s.Surface, &s.Locale, &s.GPC, &s.DNT, &s.ADPC, &s.Guardian, &r.proof, &r.micros, &r.until, &r.key, &r.commitments, &r.before, &r.hash,
	}
	for i := range r.parts {
		dest = append(dest, &r.parts[i])
	}
	if err = rows.Scan(dest...); err != nil {
		return s, fmt.Errorf("%w: %w", errDamaged, err)
	}
	if !r.unpack(&s) || !r.unpackParts(&s) {
		return s, errDamaged
	}
	return s, nil
}

// unpack is false for values that were not written so.
func (r *entryRow) unpack(s *ledger.Stored) bool {
	s.Sequence, s.Writer, s.Number = event.Sequence(r.seq), ledger.Writer(r.writer), ledger.Number(r.number)
	s.Site, s.Purpose, s.PurposeVersion = event.SiteID(r.site), event.PurposeID(r.purpose), uint32(r.version)
	s.State, s.Type = ledger.ParseState(r.state), ledger.ParseEventType(r.kind)
	s.At, s.Until = ledger.FromMicros(r.micros), ledger.FromMicros(r.until)
	proof, known := ledger.ParseProof(r.proof)
	s.Proof = proof
	whole := known && r.seq > 0 && r.number > 0 && r.version == int64(s.PurposeVersion) &&
		len(r.commitments) == ledger.Parts*32 && s.State != ledger.StateUnknown && s.Type != ledger.EventUnknown
	if len(r.key) == 0 {
		r.key = make([]byte, 32)
	}
	for _, c := range []struct {
		to   *[32]byte
		from []byte
	}{{&s.TextHash, r.text}, {&s.KeyHash, r.key}, {&s.Previous, r.before}, {&s.Hash, r.hash}} {
		whole = whole && len(c.from) == 32
		copy(c.to[:], c.from)
	}
	for i := 0; whole && i < ledger.Parts; i++ {
		copy(s.Commitments[i][:], r.commitments[i*32:])
	}
	return whole
}

// unpackParts is the inverse of packParts. A part that cannot be one that was
// written is taken in with a salt of zeros, so that it does not verify.
func (r *entryRow) unpackParts(s *ledger.Stored) bool {
	if len(r.parts[0]) > 0 {
		if len(r.parts[1]) == ledger.SaltSize {
			copy(s.Salts[0][:], r.parts[1])
		}
		if !s.SetValue(ledger.PartSubject, r.parts[0]) {
			return false
		}
	}
	for p := ledger.PartLinked; int(p) <= ledger.Parts; p++ {
		column := r.parts[p]
		if len(column) == 0 {
			continue
		}
		if len(column) <= ledger.SaltSize || !s.SetValue(p, column[ledger.SaltSize:]) {
			return false
		}
		copy(s.Salts[p-1][:], column)
	}
	return true
}

// History returns the entries about one data subject that still have their
// subject, oldest first, at most limit of the latest ones.
func (s *Store) History(ctx context.Context, site event.SiteID, subject event.Handle, limit int) ([]ledger.Entry, error) {
	ctx, cancel := context.WithTimeout(ctx, s.cfg.Timeout)
	defer cancel()
	var entries []ledger.Entry
	err := all(ctx, s.db.plain(), `SELECT `+entryColumns+` FROM parts p JOIN ledger l ON l.sequence = p.sequence
		WHERE p.subject = $1 AND l.site = $2 ORDER BY l.sequence DESC LIMIT $3`,
		[]any{subject[:], string(site), limit}, func(rows *sql.Rows) error {
			e, err := scanEntry(rows)
			entries = append(entries, e.Entry)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("read the history: %w", err)
	}
	slices.Reverse(entries)
	return entries, nil
}

// entriesStep is how many entries are read at a time.
const entriesStep = 1000

// Entries hands over the entries after a sequence, in the order of all writers,
// from one snapshot of the store. It ends after the last one, or with an error: a
// *ledger.BadEntryError for a row that is not of the shape that was written. It
// takes no longer than ctx allows.
func (s *Store) Entries(ctx context.Context, after event.Sequence) iter.Seq2[ledger.Stored, error] {
	return func(yield func(ledger.Stored, error) bool) {
		tx, err := s.snapshot(ctx)
		if err != nil {
			yield(ledger.Stored{}, err)
			return
		}
		defer func() { _ = tx.Rollback() }()
		for {
			step, err := readEntries(ctx, tx, entryColumns, after)
			for i := range step {
				if after = step[i].Sequence; !yield(step[i], nil) {
					return
				}
			}
			if err != nil {
				yield(ledger.Stored{}, err)
				return
			}
			if len(step) < entriesStep {
				return
			}
		}
	}
}

// snapshot begins a transaction that reads one snapshot.
func (s *Store) snapshot(ctx context.Context) (*sql.Tx, error) {
	tx, err := s.db.plain().BeginTx(ctx, &sql.TxOptions{ReadOnly: true, Isolation: s.db.isolation()})
	if err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	return tx, nil
}

// readEntries reads the next entries by the columns, of entryColumns. With an error
// it returns those before.
func readEntries(ctx context.Context, q querier, columns string, after event.Sequence) (step []ledger.Stored, err error) {
	last := after
	err = all(ctx, q, `SELECT `+columns+` FROM ledger l LEFT JOIN parts p ON p.sequence = l.sequence
		WHERE l.sequence > $1 ORDER BY l.sequence LIMIT $2`, []any{int64(after), entriesStep}, func(rows *sql.Rows) error {
		e, err := scanEntry(rows)
		if errors.Is(err, errDamaged) {
			return &ledger.BadEntryError{Sequence: last + 1, Why: ledger.WhyDamaged}
		}
		if err == nil {
			last = e.Sequence
			step = append(step, e)
		}
		return err
	})
	if err != nil {
		return step, fmt.Errorf("read the ledger: %w", err)
	}
	return step, nil
}
