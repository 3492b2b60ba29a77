package activity

import (
	"context"
	"fmt"
)

// What is derived from whom to erase, all in the server's memory: {who}_acts has what
// happens to each pseudonym, {who}_kinds what becomes of the rows of one pseudonym
// under one set of purposes when a purpose is withdrawn, {who}_rows of the rows in
// windows, and {who}_links the pairs in windows.
var derived = [...]string{
	"CREATE TABLE {who}_acts ENGINE = Memory AS SELECT w.subject AS subject, min(w.act) AS act, groupBitOr(w.mask) AS mask, groupBitOr(w.period) AS period, groupBitOr(w.person) AS person " +
		"FROM {who} AS w WHERE w.act < {veil} AND NOT w.windowed GROUP BY w.subject",

	"CREATE TABLE {who}_kinds ENGINE = Memory AS SELECT DISTINCT subject, scope, purposes, act, mask, " + gone + " AS goes FROM (" +
		"SELECT e.subject AS subject, e.scope AS scope, e.purposes AS purposes, a.act AS act, a.mask AS mask, a.period AS period, a.person AS person, " +
		"bitAnd(purposes, bitNot(mask)) AS rest FROM {db}.events AS e INNER JOIN {who}_acts AS a ON e.subject = a.subject " +
		"WHERE e.subject IN (SELECT subject FROM {who}_acts WHERE act >= {withdraw}) AND bitAnd(e.purposes, a.mask) > 0)",

	"CREATE TABLE {who}_rows ENGINE = Memory AS SELECT subject, ts, received_at, scope, purposes, act, mask, whole OR " + gone + " AS goes FROM (" +
		"SELECT e.subject AS subject, e.ts AS ts, e.received_at AS received_at, e.scope AS scope, e.purposes AS purposes, " +
		"min(if(a.act = 0, w.act, least(w.act, a.act))) AS act, groupBitOr(bitOr(w.mask, a.mask)) AS mask, max(w.act < {withdraw}) AS whole, " +
		"groupBitOr(w.period) AS period, groupBitOr(w.person) AS person, bitAnd(purposes, bitNot(mask)) AS rest " +
		"FROM {db}.events AS e INNER JOIN {who} AS w ON e.subject = w.subject LEFT ANY JOIN {who}_acts AS a ON e.subject = a.subject " +
		"WHERE " + inWindow + " GROUP BY e.subject, e.ts, e.received_at, e.scope, e.purposes)",

	"CREATE TABLE {who}_links ENGINE = Memory AS SELECT DISTINCT l.subject AS subject, l.seen_at AS seen_at " +
		"FROM {db}.links AS l INNER JOIN {who} AS w ON l.subject = w.subject WHERE " + linkInWindow,
}

const (
	// gone says whether a row goes altogether when a withdrawal leaves the rest of its
	// purposes: nothing is left that it rests on.
	gone = "(rest = 0 OR scope = 'period' AND period > 0 AND bitAnd(rest, period) = 0 OR scope = 'person' AND person > 0 AND bitAnd(rest, person) = 0)"
	// touches says whether somebody's act has to do with a row.
	touches = "(w.act < {withdraw} OR bitAnd(e.purposes, w.mask) > 0)"
	// inWindow says whether a row stands in a window of its pseudonym that has to do
	// with it.
	inWindow = "e.subject IN (SELECT subject FROM {who} WHERE windowed) AND w.windowed AND " + touches +
		" AND toUnixTimestamp64Milli(if(w.received, e.received_at, e.ts)) >= w.since AND toUnixTimestamp64Milli(if(w.received, e.received_at, e.ts)) < w.until"
	// linkInWindow is inWindow for links, which have seconds.
	linkInWindow = "l.subject IN (SELECT subject FROM {who} WHERE windowed) AND w.windowed AND (w.act < {withdraw} OR " + noProfile + ")" +
		" AND toUnixTimestamp(l.seen_at) * 1000 + 999 >= w.since AND toUnixTimestamp(l.seen_at) * 1000 < w.until"
	// noProfile says that a withdrawal leaves nothing that pairs of pseudonyms rest on.
	noProfile = "w.person > 0 AND bitAnd(w.person, bitNot(w.mask)) = 0"

	// Which rows, by what becomes of them. The columns are those of the table itself.
	wholly = "subject IN (SELECT subject FROM {who}_acts WHERE act IN (%s))"
	kinds  = "(subject, scope, purposes) IN (SELECT subject, scope, purposes FROM {who}_kinds WHERE %s)"
	tuples = "(subject, ts, received_at, scope, purposes) IN (SELECT subject, ts, received_at, scope, purposes FROM {who}_rows WHERE %s)"
	// veiled are the rows that somebody is to be taken out of the column visitor of.
	veiled = "visitor IN (SELECT subject FROM {who} WHERE act = {veil})"
)

// going are the rows of events that go.
func (e *Erasing) going() string { return e.rowsOf("{erase}, {anonymise}", "goes") }

// keeping are those that go but leave something without a person.
func (e *Erasing) keeping() string {
	return e.rowsOf("{anonymise}", "goes AND act IN ({anonymise}, {withdrawAnonymise})")
}

func (e *Erasing) rowsOf(acts, which string) string {
	text := fmt.Sprintf(wholly, acts)
	if e.some {
		text += " OR " + fmt.Sprintf(kinds, which) + " OR " + fmt.Sprintf(tuples, which)
	}
	return "(" + text + ")"
}

// loosed are the rows of events that stay with fewer purposes.
func (e *Erasing) loosed() string {
	if !e.some {
		return "0"
	}
	return "(" + fmt.Sprintf(kinds, "NOT goes") + " OR " + fmt.Sprintf(tuples, "NOT goes") + ")"
}

// unlinked are the rows of links that go.
func (e *Erasing) unlinked() string {
	text := fmt.Sprintf(wholly, "{erase}, {anonymise}")
	if e.veils {
		text += " OR " + veiled
	}
	if e.some {
		text += " OR subject IN (SELECT subject FROM {who}_acts AS w WHERE w.act >= {withdraw} AND " + noProfile + ")" +
			" OR (subject, seen_at) IN (SELECT subject, seen_at FROM {who}_links)"
	}
	return "(" + text + ")"
}

// seal derives what the statements read from whom to erase.
func (e *Erasing) seal(ctx context.Context) error {
	if err := e.there(ctx); err != nil || e.sealed {
		return err
	}
	for i, statement := range derived {
		if i > 0 && !e.some {
			break
		}
		if err := e.do(ctx, "prepare an erasure", statement); err != nil {
			return err
		}
	}
	e.sealed = true
	return e.there(ctx)
}
