package control

import (
	"context"
	"database/sql"
	"errors"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// What the writer says to SQLite, prepared once. CROSS JOIN goes through its left
// side first: there are few conflicts and many links.
const (
	sayHead = iota
	sayWriter
	sayKey
	sayLink
	sayConflict
	sayChoice
	saySubject
	putLedger
	putParts
	putLink
	endLink
	putConflict
	putChoice
	putSubject
	putHead
	putWriter
	forgetCountry
	sayReached
	sayNear
	statements
)

var statementTexts = [statements]string{
	sayHead:   `SELECT sequence FROM head WHERE id = 1`,
	sayWriter: `SELECT number, sequence, hash FROM writer WHERE name = ?`,
	sayKey:    `SELECT sequence FROM ledger WHERE key_hash = ? AND key_hash <> zeroblob(32)`,
	// A link is on record while it is the visitor's last.
	sayLink: `SELECT sequence FROM link l WHERE site = ? AND contact = ? AND visitor = ?
		AND NOT EXISTS (SELECT 1 FROM link o WHERE o.site = l.site AND o.visitor = l.visitor AND o.sequence > l.sequence)`,
	sayConflict: `SELECT sequence FROM conflict WHERE site = ? AND contact = ? AND other = ?`,
	sayChoice: `SELECT choice, version, dialogue, gpc, dnt, adpc, guardian, given_micros, until_micros, sequence FROM choice
		WHERE site = ? AND handle = ? AND purpose = ?`,
	saySubject: `SELECT standing, profiling_off, opted_out, automated_off, country, minor_day, sequence FROM subject WHERE site = ? AND handle = ?`,
	putLedger: `INSERT INTO ledger (sequence, writer, number, site, purpose, purpose_version, text_hash, state, event_type, channel,
		surface, locale, gpc, dnt, adpc, guardian, proof, at_micros, until_micros, key_hash, commitments, previous, hash)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	putParts: `INSERT INTO parts (sequence, subject, subject_salt, linked, raw_signal, actor, reason, proof_ref, guardian_ref, country)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	putLink: `INSERT INTO link (site, contact, visitor, sequence) VALUES (?, ?, ?, ?)
		ON CONFLICT (site, contact, visitor) DO UPDATE SET sequence = excluded.sequence`,
	endLink:     `DELETE FROM link WHERE site = ? AND contact = ? AND visitor = ?`,
	putConflict: `INSERT INTO conflict (site, contact, other, sequence) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
	putChoice: `INSERT OR REPLACE INTO choice (site, handle, purpose, choice, version, dialogue, gpc, dnt, adpc, guardian, given_micros, until_micros, sequence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	putSubject: `INSERT OR REPLACE INTO subject (site, handle, standing, profiling_off, opted_out, automated_off, country, minor_day, sequence)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
	putHead:   `UPDATE head SET sequence = ? WHERE id = 1`,
	putWriter: `INSERT OR REPLACE INTO writer (name, number, sequence, hash) VALUES (?, ?, ?, ?)`,
	forgetCountry: `UPDATE parts SET country = NULL WHERE subject = ? AND country IS NOT NULL
		AND sequence IN (SELECT l.sequence FROM ledger l WHERE l.sequence = parts.sequence AND l.site = ?)`,
	sayReached: `SELECT visitor FROM link WHERE site = ?1 AND contact = ?2
		UNION ALL SELECT other FROM conflict WHERE site = ?1 AND contact = ?2
		UNION ALL SELECT l.visitor FROM conflict c CROSS JOIN link l ON l.site = c.site AND l.contact = c.other
		WHERE c.site = ?1 AND c.contact = ?2 LIMIT ?3`,
	sayNear: `SELECT visitor FROM link WHERE site = ?1 AND contact = ?2 LIMIT ?3`,
}

// sqliteTx is one transaction of the one connection that writes.
type sqliteTx struct {
	d  *sqlite
	tx *sql.Tx
}

func (d *sqlite) begin(ctx context.Context) (writing, error) {
	// The driver watches the context of each statement in a goroutine of its own;
	// between statements it is looked at here.
	tx, err := d.write.BeginTx(context.WithoutCancel(ctx), nil)
	if err != nil {
		return nil, err
	}
	return &sqliteTx{d: d, tx: tx}, nil
}

func (t *sqliteTx) exec(ctx context.Context, statement int, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	free := context.WithoutCancel(ctx)
	_, err := t.tx.StmtContext(free, t.d.statements[statement]).ExecContext(free, args...)
	return err
}

// one reads one row, or leaves dest as it is when there is none.
func (t *sqliteTx) one(ctx context.Context, statement int, dest []any, args ...any) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	free := context.WithoutCancel(ctx)
	err := t.tx.StmtContext(free, t.d.statements[statement]).QueryRowContext(free, args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil
	}
	return err
}

func (t *sqliteTx) known(ctx context.Context, f *facts) (ends, error) {
	at := ends{chain: ledger.Head{Writer: t.d.cfg.Node}}
	var seq, number, last int64
	var hash []byte
	if err := errors.Join(t.one(ctx, sayHead, []any{&seq}), t.one(ctx, sayWriter, []any{&number, &last, &hash}, string(at.chain.Writer))); err != nil {
		return at, err
	}
	if seq < 0 || number < 0 || last < 0 || (number > 0) != (len(hash) == len(at.chain.Hash)) {
		return at, errHead
	}
	at.sequence, at.chain.Number, at.chain.Sequence = event.Sequence(seq), ledger.Number(number), event.Sequence(last)
	copy(at.chain.Hash[:], hash)
	return at, errors.Join(t.knownSequences(ctx, f), t.knownChoices(ctx, f), t.knownSubjects(ctx, f))
}

func (t *sqliteTx) knownSequences(ctx context.Context, f *facts) error {
	for key := range f.keys {
		var seq int64
		if err := t.one(ctx, sayKey, []any{&seq}, key[:]); err != nil {
			return err
		}
		f.keys[key] = event.Sequence(seq)
	}
	for statement, bonds := range map[int]map[bond]event.Sequence{sayLink: f.links, sayConflict: f.conflicts} {
		for b := range bonds {
			var seq int64
			if err := t.one(ctx, statement, []any{&seq}, string(b.site), b.handle[:], b.other[:]); err != nil {
				return err
			}
			bonds[b] = event.Sequence(seq)
		}
	}
	return nil
}

func (t *sqliteTx) knownChoices(ctx context.Context, f *facts) error {
	for a := range f.choices {
		var c choiceRow
		var choice uint8
		var seq int64
		if err := t.one(ctx, sayChoice, []any{&choice, &c.version, &c.dialogue, &c.gpc, &c.dnt, &c.adpc, &c.guardian, &c.given, &c.until, &seq},
			string(a.site), a.handle[:], string(a.purpose)); err != nil {
			return err
		}
		c.choice, c.sequence = consent.Choice(choice), event.Sequence(seq)
		f.choices[a] = c
	}
	return nil
}

func (t *sqliteTx) knownSubjects(ctx context.Context, f *facts) error {
	for w := range f.subjects {
		var s subjectRow
		var standing uint8
		var minor uint16
		var seq int64
		if err := t.one(ctx, saySubject, []any{&standing, &s.profilingOff, &s.optedOut, &s.automatedOff, &s.country, &minor, &seq},
			string(w.site), w.handle[:]); err != nil {
			return err
		}
		s.standing, s.minor, s.sequence = consent.State(standing), consent.Day(minor), event.Sequence(seq)
		f.subjects[w] = s
	}
	return nil
}

func (t *sqliteTx) put(ctx context.Context, b *batch) ([][]event.Handle, error) {
	for i := range b.rows {
		e := &b.rows[i]
		p := packParts(e)
		if err := t.exec(ctx, putLedger, int64(e.Sequence), string(e.Writer), int64(e.Number), string(e.Site), string(e.Purpose),
			e.PurposeVersion, e.TextHash[:], e.State.String(), e.Type.String(), e.Channel, e.Surface, e.Locale, e.GPC, e.DNT, e.ADPC, e.Guardian,
			e.Proof.String(), ledger.Micros(e.At), ledger.Micros(e.Until), e.KeyHash[:], packCommitments(e), e.Previous[:], e.Hash[:]); err != nil {
			return nil, err
		}
		if err := t.exec(ctx, putParts, int64(e.Sequence), p[0], p[1], p[2], p[3], p[4], p[5], p[6], p[7], p[8]); err != nil {
			return nil, err
		}
	}
	if err := errors.Join(t.putState(ctx, b), t.putBonds(ctx, b)); err != nil {
		return nil, err
	}
	return t.reached(ctx, b)
}

func (t *sqliteTx) putState(ctx context.Context, b *batch) error {
	for a := range b.choices {
		c := b.facts.choices[a]
		if err := t.exec(ctx, putChoice, string(a.site), a.handle[:], string(a.purpose), uint8(c.choice), c.version,
			c.dialogue, c.gpc, c.dnt, c.adpc, c.guardian, c.given, c.until, int64(c.sequence)); err != nil {
			return err
		}
	}
	for w := range b.subjects {
		s := b.facts.subjects[w]
		if err := t.exec(ctx, putSubject, string(w.site), w.handle[:], uint8(s.standing), s.profilingOff, s.optedOut, s.automatedOff, s.country,
			uint16(s.minor), int64(s.sequence)); err != nil {
			return err
		}
	}
	for _, w := range b.erased {
		if err := t.exec(ctx, forgetCountry, w.handle[:], string(w.site)); err != nil {
			return err
		}
	}
	return nil
}

func (t *sqliteTx) putBonds(ctx context.Context, b *batch) error {
	for statement, bonds := range map[int]map[bond]event.Sequence{putLink: b.links, putConflict: b.conflicts} {
		for to, seq := range bonds {
			if err := t.exec(ctx, statement, string(to.site), to.handle[:], to.other[:], int64(seq)); err != nil {
				return err
			}
		}
	}
	for to := range b.unlinked {
		if err := t.exec(ctx, endLink, string(to.site), to.handle[:], to.other[:]); err != nil {
			return err
		}
	}
	return nil
}

func (t *sqliteTx) reached(ctx context.Context, b *batch) ([][]event.Handle, error) {
	found, total := make([][]event.Handle, len(b.reaches)), 0
	for i, r := range b.reaches {
		statement := sayReached
		if r.near {
			statement = sayNear
		}
		if err := t.each(ctx, statement, func(h event.Handle) { found[i] = append(found[i], h) },
			string(r.site), r.handle[:], MaxAffected+1); err != nil {
			return nil, err
		}
		if total += len(found[i]); total > groupAffected {
			return nil, nil
		}
	}
	return found, nil
}

func (t *sqliteTx) each(ctx context.Context, statement int, do func(event.Handle), args ...any) (err error) {
	if err := ctx.Err(); err != nil {
		return err
	}
	free := context.WithoutCancel(ctx)
	rows, err := t.tx.StmtContext(free, t.d.statements[statement]).QueryContext(free, args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var h event.Handle
		if err := rows.Scan((*handleColumn)(&h)); err != nil {
			return err
		}
		do(h)
	}
	return rows.Err()
}

func (t *sqliteTx) commit(ctx context.Context, b *batch, _ Change) error {
	if len(b.rows) > 0 {
		if err := errors.Join(
			t.exec(ctx, putHead, int64(b.at.sequence)),
			t.exec(ctx, putWriter, string(b.at.chain.Writer), int64(b.at.chain.Number), int64(b.at.chain.Sequence), b.at.chain.Hash[:]),
		); err != nil {
			return errors.Join(err, t.rollback(ctx))
		}
	}
	if err := t.d.commitTx(t.tx); err != nil {
		return errors.Join(err, t.rollback(ctx))
	}
	return nil
}

func (t *sqliteTx) rollback(context.Context) error {
	if err := t.tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// packParts returns the columns of an entry's parts: the subject, its salt, and
// every other part after its salt.
func packParts(e *ledger.Stored) (p [ledger.Parts + 1]any) {
	for part := ledger.Part(1); int(part) <= ledger.Parts; part++ {
		value := e.Value(part)
		switch salt := &e.Salts[part-1]; {
		case len(value) == 0:
		case part == ledger.PartSubject:
			p[0], p[1] = value, salt[:]
		default:
			p[part] = append(append(make([]byte, 0, ledger.SaltSize+len(value)), salt[:]...), value...)
		}
	}
	return p
}

func packCommitments(e *ledger.Stored) []byte {
	flat := make([]byte, 0, ledger.Parts*32)
	for i := range e.Commitments {
		flat = append(flat, e.Commitments[i][:]...)
	}
	return flat
}

// handleColumn reads a handle from a row.
type handleColumn event.Handle

// Scan implements sql.Scanner.
func (h *handleColumn) Scan(src any) error {
	b, ok := src.([]byte)
	if !ok || len(b) != len(h) {
		return errors.New("a pseudonym in the control store is damaged")
	}
	copy(h[:], b)
	return nil
}
