package activity

import (
	"context"
	"math"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"

	"zgoda/event"
	"zgoda/record"
)

// Present says for each row whether its (site, message id) is stored. A row
// that has expired counts as present: the server lets it vanish at insert, so
// that no insert could ever make it appear. Message ids travel as data, not in
// the query.
func (s *Store) Present(ctx context.Context, rows [][]byte) ([]bool, error) {
	const act = "read back rows"
	present := make([]bool, len(rows))
	if len(rows) == 0 {
		return present, nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.QueryTimeout)
	defer cancel()
	wanted, err := ext.NewTable("wanted", ext.Column("site", "String"), ext.Column("message_id", "String"))
	if err != nil {
		return nil, classify(act, err)
	}
	oldest, now := int64(math.MaxInt64), time.Now().Unix()
	keys := make([]messageKey, len(rows))
	var v record.View
	for i, row := range rows {
		if err := v.Read(row); err != nil {
			return nil, classify(act, errValue)
		}
		keys[i] = messageKey{string(v.Text(record.TextSite)), string(v.Text(record.TextMessageID))}
		present[i] = v.Expires() <= now
		if err := wanted.Append(keys[i].site, keys[i].message); err != nil {
			return nil, classify(act, err)
		}
		oldest = min(oldest, v.Received())
	}
	found := make(map[messageKey]struct{}, len(rows))
	err = s.readKeys(clickhouse.Context(ctx, clickhouse.WithExternalTable(wanted)), act,
		"SELECT DISTINCT site, message_id FROM "+s.database+".events WHERE received_at >= fromUnixTimestamp64Milli(?) AND (site, message_id) IN (SELECT site, message_id FROM wanted)",
		func(k messageKey) { found[k] = struct{}{} }, time.UnixMilli(oldest).Truncate(time.Hour).UnixMilli())
	if err != nil {
		return nil, err
	}
	for i, k := range keys {
		if _, ok := found[k]; ok {
			present[i] = true
		}
	}
	return present, nil
}

// recentSteps are how far back Recent looks at once: the latest rows are the ones
// that matter, and to read little while that is enough spares the server a sort of
// all there is.
var recentSteps = [...]time.Duration{10 * time.Second, time.Minute, 10 * time.Minute, time.Hour, 6 * time.Hour}

// Recent yields the (site, message id) pairs received since the given time, the
// newest steps of time first, at most limit of them. It returns since when it
// yielded all, after an error too. Of rows of scope none only the hour is known.
func (s *Store) Recent(ctx context.Context, since time.Time, limit int, yield func(site event.SiteID, messageID string)) (time.Time, error) {
	now := time.Now()
	until, reached := now.Add(time.Hour), now // a row's clock may have been ahead
	for _, step := range append(recentSteps[:], now.Sub(since)) {
		from := now.Add(-step)
		if from.Before(since) {
			from = since
		}
		n, oldest, err := s.recent(ctx, from, until, limit, yield)
		switch {
		case err != nil:
			return reached, err
		case n >= limit:
			return oldest, nil
		case !from.After(since):
			return from, nil
		}
		until, reached, limit = from, from, limit-n
	}
	return reached, nil
}

// recent is one step of Recent. It returns how many it yielded and when the oldest
// was received.
func (s *Store) recent(ctx context.Context, from, until time.Time, limit int, yield func(site event.SiteID, messageID string)) (n int, oldest time.Time, err error) {
	const act = "read recent rows"
	rows, err := s.conn.Query(ctx,
		"SELECT site, message_id, if(scope = 'none', received_at + INTERVAL 1 HOUR, received_at) AS at FROM "+s.database+".events "+
			"WHERE message_id != '' AND received_at >= fromUnixTimestamp64Milli(?) AND at >= fromUnixTimestamp64Milli(?) AND at < fromUnixTimestamp64Milli(?) "+
			"ORDER BY at DESC LIMIT ?",
		from.Add(-time.Hour).UnixMilli(), from.UnixMilli(), until.UnixMilli(), limit)
	if err != nil {
		return 0, from, classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k messageKey
		if err := rows.Scan(&k.site, &k.message, &oldest); err != nil {
			return n, oldest, classify(act, err)
		}
		yield(event.SiteID(k.site), k.message)
		n++
	}
	return n, oldest, classifyOrNil(act, rows.Err())
}

// messageKey is what makes an event one event.
type messageKey struct{ site, message string }

func (s *Store) readKeys(ctx context.Context, act, query string, yield func(messageKey), args ...any) error {
	rows, err := s.conn.Query(ctx, query, args...)
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for rows.Next() {
		var k messageKey
		if err := rows.Scan(&k.site, &k.message); err != nil {
			return classify(act, err)
		}
		yield(k)
	}
	if err := rows.Err(); err != nil {
		return classify(act, err)
	}
	return nil
}
