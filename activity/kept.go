package activity

import (
	"context"
	"errors"
	"strings"
)

// minGroup is how many other people a row must be like to stay without a person
// (docs/decisions/0065).
const minGroup = "20"

// group is what rows are alike in.
const group = "site, toDate(received_at), type, name, page_path, country"

// ErrKeptTooLong means that rows without a person were kept beside events for so long
// that nobody can tell any more whether they were moved in. They were dropped.
var ErrKeptTooLong = errors.New("rows without a person were kept beside the others for too long: they were dropped")

// Copy keeps what is left without a person of the rows of those that are anonymised:
// site, type, name, path, country and the hour, of rows that are like those of at
// least 20 other people on that day. They stand in a table of their own, whose name it
// returns, until MoveIn; "" when nothing is kept. Call it before Delete, and for one
// batch once: what it kept the first time is whole.
func (e *Erasing) Copy(ctx context.Context) (name string, rows uint64, err error) {
	if err := e.seal(ctx); err != nil || !e.copy {
		return "", 0, err
	}
	name = keptPrefix + fresh()
	const act = "keep rows without a person"
	defer func() {
		if err != nil || rows == 0 {
			err = errors.Join(err, e.store.exec(context.WithoutCancel(ctx), act, "DROP TABLE IF EXISTS {db}."+name+" SYNC"))
			name = ""
		}
	}()
	if err := e.do(ctx, act, "CREATE TABLE {db}."+name+" AS {db}.events"); err != nil {
		return name, 0, err
	}
	if err := e.do(ctx, act, strings.ReplaceAll(keep, "{kept}", name)+" WHERE ("+group+") IN ("+e.groups()+")"); err != nil {
		return name, 0, err
	}
	if err := e.one(ctx, act, "SELECT count() FROM {db}."+name, &rows); err != nil {
		return name, 0, err
	}
	return name, rows, e.there(ctx)
}

// keep inserts rows into a copy as the collector makes those of nobody.
const keep = "INSERT INTO {db}.{kept} (site, ts, received_at, message_id, scope, type, name, page_path, country, purposes, expires_at) " +
	"SELECT site, if(toDate(ts) = toDate(received_at), toStartOfHour(ts), toStartOfHour(received_at)), toStartOfHour(received_at), toString(generateUUIDv4()), 'none', " +
	"type, name, page_path, country, bitAnd(purposes, none), toStartOfHour(expires_at) FROM " +
	"(SELECT e.site AS site, e.ts AS ts, e.received_at AS received_at, e.type AS type, e.name AS name, e.page_path AS page_path, e.country AS country, e.purposes AS purposes, " +
	"e.expires_at AS expires_at, w.none AS none FROM (SELECT * FROM {db}.events WHERE {keeping}) AS e " +
	"LEFT ANY JOIN (SELECT subject, groupBitOr(none) AS none FROM {who} GROUP BY subject) AS w ON e.subject = w.subject)"

// groups are those of the rows to keep that enough other people are in.
func (e *Erasing) groups() string {
	return "SELECT " + group + " FROM {db}.events WHERE subject != {nobody} AND NOT {going} AND (" + group + ") IN " +
		"(SELECT DISTINCT " + group + " FROM {db}.events WHERE {keeping}) GROUP BY " + group + " HAVING uniqExact(subject) >= " + minGroup
}

// MoveIn puts the rows of a copy beside the others, and takes the copy away. It may be
// called again after a crash: no row comes twice.
func (s *Store) MoveIn(ctx context.Context, name string) (rows uint64, err error) {
	const act = "move rows without a person in"
	if !strings.HasPrefix(name, keptPrefix) || !validName(name) {
		return 0, classify(act, errValue)
	}
	if n, err := s.tables(ctx, name); err != nil || n == 0 {
		return 0, err
	}
	var partitions []string
	var stale uint64
	if err := s.conn.QueryRow(ctx, "SELECT groupUniqArray(toString(_partition_id)), countIf(stored_on < today() - 6) FROM "+s.database+"."+name).Scan(&partitions, &stale); err != nil {
		return 0, classify(act, err)
	}
	for _, id := range partitions {
		if stale > 0 {
			break // their message ids may be gone, by which they are known
		}
		var n, moved uint64
		if err := s.conn.QueryRow(ctx, "SELECT (SELECT count() FROM "+s.database+"."+name+" WHERE _partition_id = ?), "+
			"(SELECT count() FROM "+s.database+".events WHERE _partition_id = ? AND scope = 'none' AND message_id IN (SELECT message_id FROM "+s.database+"."+name+" WHERE _partition_id = ?))",
			id, id, id).Scan(&n, &moved); err != nil {
			return rows, classify(act, err)
		}
		rows += n
		if moved > 0 {
			continue
		}
		if err := s.exec(ctx, act, "ALTER TABLE {db}."+name+" MOVE PARTITION ID '"+id+"' TO TABLE {db}.events"); err != nil {
			return rows, err
		}
	}
	err = s.exec(ctx, act, "DROP TABLE IF EXISTS {db}."+name+" SYNC")
	if err == nil && stale > 0 {
		err = ErrKeptTooLong
	}
	return rows, err
}

// DropKept takes away the copies of rows without a person that are not named: of
// erasures that ended before anybody had written their names down.
func (s *Store) DropKept(ctx context.Context, but ...string) error {
	const act = "drop rows that were kept without a person"
	var names []string
	if err := s.conn.QueryRow(ctx, "SELECT groupArray(name) FROM system.tables WHERE database = ? AND startsWith(name, ?) AND NOT has(?, name)", s.database, keptPrefix, but).Scan(&names); err != nil {
		return classify(act, err)
	}
	for _, name := range names {
		if err := s.exec(ctx, act, "DROP TABLE IF EXISTS {db}."+name+" SYNC"); err != nil {
			return err
		}
	}
	return nil
}
