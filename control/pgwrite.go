package control

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// pgTx is one transaction that appends. It sends what it says in three bunches,
// each in one turn: the lock with the questions, the rows with the question whom
// they affect, and the ends with what the others are told.
type pgTx struct {
	d  *postgres
	tx pgx.Tx
}

func (d *postgres) begin(ctx context.Context) (writing, error) {
	tx, err := d.pool.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &pgTx{d: d, tx: tx}, nil
}

// bunch is some statements that go together, each with who reads its rows.
type bunch struct {
	pgx.Batch
	reads []func(pgx.Rows) error
}

// ask adds a statement; read may be nil, and is called for each row.
func (b *bunch) ask(read func(pgx.Rows) error, query string, args ...any) {
	b.Queue(query, args...)
	b.reads = append(b.reads, read)
}

// sender is a transaction, or a pool for a bunch of one statement.
type sender interface {
	SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults
}

func (b *bunch) send(ctx context.Context, to sender) (err error) {
	results := to.SendBatch(ctx, &b.Batch)
	defer func() { err = errors.Join(err, results.Close()) }()
	for _, read := range b.reads {
		rows, err := results.Query()
		if err != nil {
			return err
		}
		for rows.Next() && err == nil && read != nil {
			err = read(rows)
		}
		rows.Close()
		if err = errors.Join(err, rows.Err()); err != nil {
			return err
		}
	}
	return nil
}

func (t *pgTx) known(ctx context.Context, f *facts) (ends, error) {
	at := ends{chain: ledger.Head{Writer: t.d.cfg.Node}}
	var b bunch
	// The lock comes first: every statement after it sees what whoever had it
	// before has written.
	b.ask(func(rows pgx.Rows) error { return rows.Scan((*int64Column)(&at.sequence)) },
		`SELECT sequence FROM head WHERE id = 1 FOR UPDATE`)
	b.ask(func(rows pgx.Rows) error {
		var hash []byte
		if err := rows.Scan((*int64Column)(&at.chain.Number), (*int64Column)(&at.chain.Sequence), &hash); err != nil {
			return err
		}
		if len(hash) != len(at.chain.Hash) {
			return errHead
		}
		copy(at.chain.Hash[:], hash)
		return nil
	}, `SELECT number, sequence, hash FROM writer WHERE name = $1`, string(at.chain.Writer))
	f.askSequences(&b)
	f.askChoices(&b)
	f.askSubjects(&b)
	return at, b.send(ctx, t.tx)
}

func (f *facts) askSequences(b *bunch) {
	if len(f.keys) > 0 {
		keys := make([][]byte, 0, len(f.keys))
		for key := range f.keys {
			keys = append(keys, key[:])
		}
		b.ask(func(rows pgx.Rows) error {
			var key []byte
			var seq int64
			err := rows.Scan(&key, &seq)
			if err == nil && len(key) == 32 {
				f.keys[[32]byte(key)] = event.Sequence(seq)
			}
			return err
		}, `SELECT key_hash, sequence FROM ledger WHERE key_hash = ANY($1::bytea[])`, keys)
	}
	askBonds(b, f.links, `SELECT l.site, l.contact, l.visitor, l.sequence FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS q(site, contact, other)
		CROSS JOIN LATERAL (SELECT * FROM link l WHERE l.site = q.site AND l.contact = q.contact AND l.visitor = q.other OFFSET 0) l
		WHERE NOT EXISTS (SELECT 1 FROM link o WHERE o.site = l.site AND o.visitor = l.visitor AND o.sequence > l.sequence)`)
	askBonds(b, f.conflicts, `SELECT l.site, l.contact, l.other, l.sequence FROM unnest($1::text[], $2::bytea[], $3::bytea[]) AS q(site, contact, other)
		CROSS JOIN LATERAL (SELECT * FROM conflict l WHERE l.site = q.site AND l.contact = q.contact AND l.other = q.other OFFSET 0) l`)
}

func askBonds(b *bunch, bonds map[bond]event.Sequence, query string) {
	if len(bonds) == 0 {
		return
	}
	sites, handles, others, _ := bondColumns(bonds)
	b.ask(func(rows pgx.Rows) error {
		var found bond
		var seq int64
		err := rows.Scan((*string)(&found.site), (*handleColumn)(&found.handle), (*handleColumn)(&found.other), &seq)
		if err == nil {
			bonds[found] = event.Sequence(seq)
		}
		return err
	}, query, sites, handles, others)
}

func bondColumns(bonds map[bond]event.Sequence) (sites []string, handles, others [][]byte, sequences []int64) {
	for b, seq := range bonds {
		sites, handles, others = append(sites, string(b.site)), append(handles, b.handle[:]), append(others, b.other[:])
		sequences = append(sequences, int64(seq))
	}
	return sites, handles, others, sequences
}

func (f *facts) askChoices(b *bunch) {
	if len(f.choices) == 0 {
		return
	}
	var sites, purposes []string
	var handles [][]byte
	for a := range f.choices {
		sites, handles, purposes = append(sites, string(a.site)), append(handles, a.handle[:]), append(purposes, string(a.purpose))
	}
	b.ask(func(rows pgx.Rows) error {
		var a about
		var c choiceRow
		var choice int16
		var version, seq int64
		err := rows.Scan((*string)(&a.site), (*handleColumn)(&a.handle), (*string)(&a.purpose), &choice, &version,
			&c.dialogue, &c.gpc, &c.dnt, &c.adpc, &c.guardian, &c.given, &c.until, &seq)
		c.choice, c.version, c.sequence = consent.Choice(choice), uint32(version), event.Sequence(seq)
		if err == nil {
			f.choices[a] = c
		}
		return err
	}, `SELECT c.site, c.handle, c.purpose, c.choice, c.version, c.dialogue, c.gpc, c.dnt, c.adpc, c.guardian, c.given_micros, c.until_micros, c.sequence
		FROM unnest($1::text[], $2::bytea[], $3::text[]) AS q(site, handle, purpose)
		CROSS JOIN LATERAL (SELECT * FROM choice c WHERE c.site = q.site AND c.handle = q.handle AND c.purpose = q.purpose OFFSET 0) c`, sites, handles, purposes)
}

func (f *facts) askSubjects(b *bunch) {
	if len(f.subjects) == 0 {
		return
	}
	var sites []string
	var handles [][]byte
	for w := range f.subjects {
		sites, handles = append(sites, string(w.site)), append(handles, w.handle[:])
	}
	b.ask(func(rows pgx.Rows) error {
		var w who
		var s subjectRow
		var standing int16
		var minor int32
		var seq int64
		err := rows.Scan((*string)(&w.site), (*handleColumn)(&w.handle), &standing, &s.profilingOff, &s.optedOut, &s.automatedOff, &s.country, &minor, &seq)
		s.standing, s.minor, s.sequence = consent.State(standing), consent.Day(minor), event.Sequence(seq)
		if err == nil {
			f.subjects[w] = s
		}
		return err
	}, `SELECT s.site, s.handle, s.standing, s.profiling_off, s.opted_out, s.automated_off, s.country, s.minor_day, s.sequence
		FROM unnest($1::text[], $2::bytea[]) AS q(site, handle)
		CROSS JOIN LATERAL (SELECT * FROM subject s WHERE s.site = q.site AND s.handle = q.handle OFFSET 0) s`, sites, handles)
}

func (t *pgTx) put(ctx context.Context, b *batch) ([][]event.Handle, error) {
	var s bunch
	putLedgerRows(&s, b.rows)
	putPartRows(&s, b.rows)
	b.putChoices(&s)
	b.putSubjects(&s)
	if len(b.links) > 0 {
		sites, handles, others, sequences := bondColumns(b.links)
		s.ask(nil, `INSERT INTO link (site, contact, visitor, sequence) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[])
			ON CONFLICT (site, contact, visitor) DO UPDATE SET sequence = excluded.sequence`, sites, handles, others, sequences)
	}
	if len(b.unlinked) > 0 {
		var sites []string
		var handles, others [][]byte
		for t := range b.unlinked {
			sites, handles, others = append(sites, string(t.site)), append(handles, t.handle[:]), append(others, t.other[:])
		}
		s.ask(nil, `DELETE FROM link l USING unnest($1::text[], $2::bytea[], $3::bytea[]) AS q(site, handle, other)
			WHERE l.site = q.site AND l.contact = q.handle AND l.visitor = q.other`, sites, handles, others)
	}
	if len(b.conflicts) > 0 {
		sites, handles, others, sequences := bondColumns(b.conflicts)
		s.ask(nil, `INSERT INTO conflict (site, contact, other, sequence) SELECT * FROM unnest($1::text[], $2::bytea[], $3::bytea[], $4::bigint[])
			ON CONFLICT DO NOTHING`, sites, handles, others, sequences)
	}
	found, total := make([][]event.Handle, len(b.reaches)), 0
	if len(b.reaches) > 0 {
		b.askReaches(&s, func(at int32, h event.Handle) {
			found[at] = append(found[at], h)
			total++
		})
	}
	if err := s.send(ctx, t.tx); err != nil {
		return nil, err
	}
	if total > groupAffected {
		return nil, nil
	}
	return found, nil
}

func (b *batch) askReaches(s *bunch, found func(int32, event.Handle)) {
	var at []int32
	var sites []string
	var handles [][]byte
	var near []bool
	for i, r := range b.reaches {
		at, sites, handles, near = append(at, int32(i)), append(sites, string(r.site)), append(handles, r.handle[:]), append(near, r.near)
	}
	s.ask(func(rows pgx.Rows) error {
		var i int32
		var h event.Handle
		err := rows.Scan(&i, (*handleColumn)(&h))
		if err == nil && (i < 0 || int(i) >= len(b.reaches)) {
			err = errDamaged
		}
		if err == nil {
			found(i, h)
		}
		return err
	}, `SELECT q.i, x.h FROM unnest($1::int[], $2::text[], $3::bytea[], $4::bool[]) AS q(i, site, handle, near)
		CROSS JOIN LATERAL (
			SELECT l.visitor AS h FROM link l WHERE l.site = q.site AND l.contact = q.handle
			UNION ALL SELECT c.other FROM conflict c WHERE NOT q.near AND c.site = q.site AND c.contact = q.handle
			UNION ALL SELECT l.visitor FROM conflict c CROSS JOIN LATERAL
				(SELECT l.visitor FROM link l WHERE l.site = c.site AND l.contact = c.other OFFSET 0) l
				WHERE NOT q.near AND c.site = q.site AND c.contact = q.handle
		) x LIMIT $5`, at, sites, handles, near, groupAffected+1)
}

func (t *pgTx) commit(ctx context.Context, b *batch, all Change) error {
	if len(b.rows) > 0 {
		var s bunch
		s.ask(nil, `UPDATE head SET sequence = $1 WHERE id = 1`, int64(b.at.sequence))
		s.ask(nil, `INSERT INTO writer (name, number, sequence, hash) VALUES ($1, $2, $3, $4) ON CONFLICT (name)
			DO UPDATE SET number = excluded.number, sequence = excluded.sequence, hash = excluded.hash`,
			string(b.at.chain.Writer), int64(b.at.chain.Number), int64(b.at.chain.Sequence), b.at.chain.Hash[:])
		before := b.rows[0].Sequence - 1
		for _, text := range changeNotices(t.d.instance, before, &all, time.Now()) {
			s.ask(nil, `SELECT pg_notify($1, $2)`, channel, text)
		}
		if err := s.send(ctx, t.tx); err != nil {
			return errors.Join(err, t.rollback(ctx))
		}
	}
	return t.tx.Commit(ctx)
}

func (t *pgTx) rollback(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.d.cfg.Timeout)
	defer cancel()
	if err := t.tx.Rollback(ctx); err != nil && !errors.Is(err, pgx.ErrTxClosed) {
		return fmt.Errorf("roll back: %w", err)
	}
	return nil
}

// int64Column reads what is counted from a row.
type int64Column uint64

// ScanInt64 implements pgtype.Int64Scanner.
func (c *int64Column) ScanInt64(v pgInt8) error {
	if !v.Valid || v.Int64 < 0 {
		return errHead
	}
	*c = int64Column(v.Int64)
	return nil
}

// ScanBytes implements pgtype.BytesScanner.
func (h *handleColumn) ScanBytes(b []byte) error {
	if len(b) != len(h) {
		return errDamaged
	}
	copy(h[:], b)
	return nil
}
