package activity

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Restamp gives the rows of a site the end that the rules say, counted from their
// receipt: the earliest of the purposes that a row of its scope rests on. Rows that no
// rule says anything of, and those that have the right end, are left as they are. It
// returns when it is done, with the mutation's id, "" when no row was to be changed.
// While it runs no row is rewritten under a new pseudonym.
func (s *Store) Restamp(ctx context.Context, site event.SiteID, rules []erase.Stamp) (id string, err error) {
	const act = "change until when rows are kept"
	end, err := stampOf(rules)
	if err != nil {
		return "", classify(act, err)
	}
	where := "site = '" + quoted(string(site)) + "' AND " + end + " > 0 AND toUnixTimestamp(expires_at) != " + end
	id, _, err = s.restamp(ctx, act, "expires_at = fromUnixTimestamp("+end+")", where)
	return id, err
}

// Unmark takes purposes whose time is over from the rows of a site that are kept for
// others still. Whatever the scope of a row, a rule is about all that have its bit. It
// returns when it is done, with the mutation's id, "" when no row was to be changed, and
// how many rows were.
func (s *Store) Unmark(ctx context.Context, site event.SiteID, rules []erase.Stamp, now time.Time) (id string, rows uint64, err error) {
	const act = "take purposes from rows that are over"
	over, before, err := overOf(rules, now)
	if err != nil || len(rules) == 0 {
		return "", 0, classifyOrNil(act, err)
	}
	where := fmt.Sprintf("site = '%s' AND received_at < fromUnixTimestamp(%d) AND toUnixTimestamp(expires_at) > %d AND %s != 0", quoted(string(site)), before, now.Unix(), over)
	return s.restamp(ctx, act, "purposes = bitAnd(purposes, bitNot("+over+"))", where)
}

// restamp changes columns of events in one mutation.
func (s *Store) restamp(ctx context.Context, act, set, where string) (id string, rows uint64, err error) {
	name := stampPrefix + fresh()
	if err := s.exec(ctx, act, "CREATE TABLE {db}."+name+" (x UInt8) ENGINE = Memory"); err != nil { // a rewriting looks for it
		return "", 0, err
	}
	defer func() { err = errors.Join(err, s.dropRekeys(context.WithoutCancel(ctx), name)) }()
	if err := s.waitForRekey(ctx); err != nil {
		return "", 0, err
	}
	if err := s.conn.QueryRow(ctx, "SELECT count() FROM "+s.database+".events WHERE "+where).Scan(&rows); err != nil {
		return "", 0, classify(act, err)
	}
	if rows == 0 {
		return "", 0, nil
	}
	// The name in the text is how the mutation is found again.
	if err := s.exec(ctx, act, "ALTER TABLE {db}.events UPDATE "+set+" WHERE "+where+" AND '"+name+"' != '' SETTINGS mutations_sync = 0"); err != nil {
		return "", 0, err
	}
	m, err := s.mutation(ctx, "events", name)
	if err != nil {
		return "", 0, err
	}
	return m.id, rows, s.await(ctx, m)
}

// stampOf is the end of a row by the rules in Unix seconds, 0 when none has to do with
// it.
func stampOf(rules []erase.Stamp) (string, error) {
	const never = "4294967295"
	if len(rules) == 0 {
		return "0", nil
	}
	ends := make([]string, len(rules))
	for i, r := range rules {
		if !sound(r) {
			return "", errValue
		}
		ends[i] = fmt.Sprintf("if(scope = '%s' AND bitTest(purposes, %d), %s, %s)", r.Scope, r.Bit, fmt.Sprintf(after, r.Months, r.Days), never)
	}
	return "(least(" + strings.Join(append(ends, never), ", ") + ") % " + never + ")", nil
}

// overOf are the bits of a row whose time is over, and before which second every row was
// received that has any: what came later is not looked at.
func overOf(rules []erase.Stamp, now time.Time) (bits string, before int64, err error) {
	parts := make([]string, len(rules))
	for i, r := range rules {
		if !sound(r) {
			return "", 0, errValue
		}
		parts[i] = fmt.Sprintf("if(bitTest(purposes, %d) AND %s <= %d, toUInt32(%d), toUInt32(0))", r.Bit, fmt.Sprintf(after, r.Months, r.Days), now.Unix(), uint32(1)<<r.Bit)
		const shortest = 28 // days of a month
		before = max(before, now.AddDate(0, 0, -shortest*r.Months-r.Days).Unix()+1)
	}
	return "toUInt32(" + strings.Join(parts, " + ") + ")", before, nil
}

func sound(r erase.Stamp) bool {
	return r.Bit < event.MaxPurposes && r.Scope <= event.ScopePerson && r.Months >= 0 && r.Days >= 0 && r.Months+r.Days > 0
}

// after is the time of receipt and so many months and days later, as time.AddDate
// counts: the 31st of January and a month is the 3rd of March.
const after = "(toInt64(toUnixTimestamp(toDateTime(addDays(addMonths(toStartOfMonth(received_at), %d), toDayOfMonth(received_at) - 1 + %d), 'UTC'))) + toInt64(toUnixTimestamp(received_at) %% 86400))"

// quoted makes a text safe between quotes of a statement.
func quoted(s string) string { return strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(s) }

// PastRetention counts the rows of a site whose end has been over for longer than a
// day, which ClickHouse should have deleted by then, and returns the oldest end of them;
// no rows: the zero time.
func (s *Store) PastRetention(ctx context.Context, site event.SiteID) (rows uint64, oldest time.Time, err error) {
	err = s.conn.QueryRow(ctx, "SELECT count(), min(expires_at) FROM "+s.database+".events WHERE site = ? AND expires_at < now() - INTERVAL 1 DAY", string(site)).Scan(&rows, &oldest)
	if err != nil || rows == 0 {
		return 0, time.Time{}, classifyOrNil("look for rows past their end", err)
	}
	return rows, oldest, nil
}
