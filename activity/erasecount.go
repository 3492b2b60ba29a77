package activity

import (
	"context"
	"errors"
	"maps"
	"slices"

	"zgoda/activity/erase"
)

// counts are the queries that count each person's rows, by table. Rows that are in
// windows of one person twice are counted twice.
var counts = [...]struct{ table, query string }{
	{"events", "SELECT w.number, count() FROM {db}.events AS e INNER JOIN (SELECT DISTINCT number, subject, act, mask FROM {who} WHERE NOT windowed AND act < {veil}) AS w " +
		"ON e.subject = w.subject WHERE e.subject IN (SELECT subject FROM {who}_acts) AND " + touches + " GROUP BY w.number"},
	{"events", "SELECT w.number, count() FROM {db}.events AS e INNER JOIN {who} AS w ON e.subject = w.subject WHERE " + inWindow + " GROUP BY w.number"},
	{"links", "SELECT w.number, count() FROM {db}.links AS l INNER JOIN (SELECT DISTINCT number, subject, act, mask, person FROM {who} WHERE NOT windowed AND act < {veil}) AS w " +
		"ON l.subject = w.subject WHERE l.subject IN (SELECT subject FROM {who}_acts) AND (w.act < {withdraw} OR " + noProfile + ") GROUP BY w.number"},
	{"links", "SELECT w.number, count() FROM {db}.links AS l INNER JOIN {who} AS w ON l.subject = w.subject WHERE " + linkInWindow + " GROUP BY w.number"},
	{"links", "SELECT w.number, count() FROM {db}.links AS l INNER JOIN (SELECT DISTINCT number, subject FROM {who} WHERE act = {veil}) AS w ON l.visitor = w.subject " +
		"WHERE l.visitor IN (SELECT subject FROM {who} WHERE act = {veil}) AND l.subject NOT IN (SELECT subject FROM {who}_acts) GROUP BY w.number"},
}

const actCount = "count rows to be erased"

// Count returns how many rows each person has, by table; who has none is left out.
func (e *Erasing) Count(ctx context.Context) ([]erase.Counts, error) {
	if err := e.seal(ctx); err != nil {
		return nil, err
	}
	byNumber := map[uint32]map[string]uint64{}
	for _, c := range counts {
		if err := e.countBy(ctx, c.query, func(number uint32, n uint64) {
			if byNumber[number] == nil {
				byNumber[number] = map[string]uint64{}
			}
			byNumber[number][c.table] += n
		}); err != nil {
			return nil, err
		}
	}
	out := make([]erase.Counts, 0, len(byNumber))
	for _, number := range slices.Sorted(maps.Keys(byNumber)) {
		out = append(out, erase.Counts{Number: number, Rows: byNumber[number]})
	}
	return out, e.there(ctx)
}

func (e *Erasing) countBy(ctx context.Context, query string, yield func(number uint32, n uint64)) error {
	rows, err := e.store.conn.Query(e.heavy(ctx), e.text(query))
	if err != nil {
		return classify(actCount, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var number uint32
		var n uint64
		if err := rows.Scan(&number, &n); err != nil {
			return classify(actCount, err)
		}
		yield(number, n)
	}
	return classifyOrNil(actCount, rows.Err())
}

// leftIn are the queries that count what Delete is to leave none of, by table. They
// look at the rows themselves, and not at what was derived from them before.
func (e *Erasing) leftIn() map[string]string {
	events := "SELECT (SELECT count() FROM {db}.events WHERE " + wholly1 + " OR " + veiled + ")"
	links := "SELECT (SELECT count() FROM {db}.links WHERE " + wholly1 + " OR " + veiled + ")"
	if e.some {
		events += " + (SELECT count() FROM {db}.events AS e INNER JOIN {who}_acts AS w ON e.subject = w.subject " +
			"WHERE e.subject IN (SELECT subject FROM {who}_acts WHERE act >= {withdraw}) AND w.act >= {withdraw} AND bitAnd(e.purposes, w.mask) > 0)" +
			" + (SELECT count() FROM (SELECT subject, ts, received_at, purposes FROM {db}.events WHERE (subject, ts, received_at) IN (SELECT subject, ts, received_at FROM {who}_rows)) AS e " +
			"INNER JOIN (SELECT subject, ts, received_at, max(act < {withdraw}) AS whole, groupBitOr(mask) AS mask FROM {who}_rows GROUP BY subject, ts, received_at) AS w " +
			"ON e.subject = w.subject AND e.ts = w.ts AND e.received_at = w.received_at WHERE w.whole OR bitAnd(e.purposes, w.mask) > 0)"
		links += " + (SELECT count() FROM {db}.links WHERE " + e.unlinked() + ")"
	}
	return map[string]string{"events": events, "links": links}
}

const wholly1 = "subject IN (SELECT subject FROM {who}_acts WHERE act < {withdraw})"

// Prove counts what is left, by table, in the files themselves: past every mask and
// no cache is asked. All must be zero, else it returns ErrLeft beside the counts.
func (e *Erasing) Prove(ctx context.Context) (map[string]uint64, error) {
	if err := e.seal(ctx); err != nil {
		return nil, err
	}
	left, sum := map[string]uint64{}, uint64(0)
	for table, query := range e.leftIn() {
		var n uint64
		if err := e.one(ctx, "count what is left of an erasure", query, &n); err != nil {
			return nil, err
		}
		left[table] = n
		sum += n
	}
	if err := e.there(ctx); err != nil {
		return nil, err
	}
	var aside uint64
	if err := e.store.conn.QueryRow(ctx, "SELECT count() FROM system.detached_parts WHERE database = ? AND table IN ('events', 'links')", e.store.database).Scan(&aside); err != nil {
		return nil, classify("look for detached parts", err)
	}
	var errs []error
	if sum > 0 {
		errs = append(errs, ErrLeft)
	}
	if aside > 0 {
		errs = append(errs, ErrDetached)
	}
	return left, errors.Join(errs...)
}
