package control

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"zgoda/consent"
	"zgoda/event"
)

// Of one site everything is asked for in one statement, and so from one snapshot
// in one turn: the sequence, whom the handles are tied to, and what is in force
// for all of them. MATERIALIZED and OFFSET 0 keep the order: each step looks the
// handles of the one before up by an index, whatever the planner thinks of it.
const askAll = `WITH asked AS MATERIALIZED (SELECT unnest($2::bytea[]) AS h),
	contacts AS MATERIALIZED (SELECT a.h, x.o, x.q FROM asked a CROSS JOIN LATERAL
		(SELECT l.contact AS o, l.sequence AS q FROM link l WHERE l.site = $1 AND l.visitor = a.h LIMIT $3) x),
	near AS MATERIALIZED (SELECT h FROM asked UNION SELECT o FROM contacts),
	others AS MATERIALIZED (SELECT n.h, x.o FROM near n CROSS JOIN LATERAL
		(SELECT c.other AS o FROM conflict c WHERE c.site = $1 AND c.contact = n.h LIMIT $3) x),
	people AS MATERIALIZED (SELECT h FROM near UNION SELECT o FROM others)
	SELECT 0::smallint, NULL::bytea, NULL::bytea, ''::text, sequence, 0::bigint, 0::bigint, 0::bigint, 0::int FROM head WHERE id = 1
	UNION ALL SELECT 1, h, o, '', q, 0, 0, 0, 0 FROM contacts
	UNION ALL SELECT 2, h, o, '', 0, 0, 0, 0, 0 FROM others
	UNION ALL SELECT 3, s.handle, NULL, s.country, s.standing, s.minor_day, 0, 0, s.profiling_off::int + 2 * s.opted_out::int + 4 * s.automated_off::int
		FROM people p CROSS JOIN LATERAL (SELECT * FROM subject s WHERE s.site = $1 AND s.handle = p.h OFFSET 0) s
	UNION ALL SELECT 4, c.handle, NULL, c.purpose, c.choice, c.version, c.given_micros, c.until_micros,
		c.dialogue::int + 2 * c.gpc::int + 4 * c.dnt::int + 8 * c.guardian::int + 16 * c.adpc::int
		FROM people p CROSS JOIN LATERAL (SELECT * FROM choice c WHERE c.site = $1 AND c.handle = p.h OFFSET 0) c`

// The kinds of rows of askAll.
const (
	rowHead = iota
	rowContact
	rowOther
	rowStanding
	rowChoice
)

func (d *postgres) records(ctx context.Context, lookups []Lookup, out []Found) (at event.Sequence, err error) {
	var questions bunch
	var readings []*reading
	_ = eachSite(lookups, func(site event.SiteID, handles []event.Handle) error {
		r := &reading{site: site}
		list := make([][]byte, len(handles))
		for i := range handles {
			list[i] = handles[i][:]
		}
		readings = append(readings, r)
		questions.ask(r.row, askAll, string(site), list, MaxTies+1)
		return nil
	})
	if len(readings) == 0 {
		return readSequence(ctx, d.rare)
	}
	if len(readings) == 1 {
		err = questions.send(ctx, d.pool)
	} else { // all statements must see the same
		err = pgx.BeginTxFunc(ctx, d.pool, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly},
			func(tx pgx.Tx) error { return questions.send(ctx, tx) })
	}
	if d.closed.Load() {
		err = errors.Join(ErrClosed, err)
	}
	if err != nil {
		return 0, err
	}
	at = readings[0].sequence
	for _, r := range readings {
		if r.sequence != at || !r.headed {
			return 0, errHead
		}
		r.answer(lookups, out)
	}
	return at, nil
}

// row takes in one row of askAll.
func (r *reading) row(rows pgx.Rows) error {
	var kind int16
	var handle, other []byte
	var text string
	var a, b, given, until int64
	var flags int32
	if err := rows.Scan(&kind, &handle, &other, &text, &a, &b, &given, &until, &flags); err != nil {
		return err
	}
	var c columns
	flag := func(bit int32) bool { return flags&bit != 0 }
	switch kind {
	case rowHead:
		r.sequence, r.headed = event.Sequence(c.within(a, most)), true
	case rowContact:
		r.linkedTo(c.handle(handle), c.handle(other), c.within(a, most))
	case rowOther:
		r.others = tiedTo(r.others, c.handle(handle), c.handle(other))
	case rowStanding:
		r.stands(c.handle(handle), standing{
			state: consent.State(c.small(a)), profilingOff: flag(1), optedOut: flag(2), automatedOff: flag(4), country: text, minor: c.day(b),
		})
	case rowChoice:
		r.chose(c.handle(handle), choice{
			purpose: event.PurposeID(text), given: c.within(given, most), until: c.within(until, most),
			held: consent.Held{
				Choice: consent.Choice(c.small(a)), Version: c.number(b),
				Dialogue: flag(1), GPC: flag(2), DNT: flag(4), Guardian: flag(8), ADPC: flag(16),
			},
		})
	default:
		return errDamaged
	}
	return c.err
}
