package activity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"

	"zgoda/event"
	"zgoda/record"
)

// Insert stores rows once for each token: the same token again is a no-op.
// It returns nil only when they are on disk. Errors are *Error. The pairs that
// identify and alias rows of scope person link are stored in links as well, and
// before the events: the writer asks after a failure which events are there, and
// must find none whose link is not. A pair that is stored again is harmless.
func (s *Store) Insert(ctx context.Context, token string, rows []record.Record) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.QueryTimeout)
	defer cancel()
	buffers := s.buffers.Get().(*columns)
	defer s.buffers.Put(buffers)
	if names, values, any := linkColumns(rows); any {
		if err := s.insert(ctx, "links", names, values, clickhouse.Settings{"insert_deduplicate": 0, "async_insert": 0}); err != nil {
			return err
		}
	}
	err := s.insert(ctx, "events", eventColumns[:], buffers.fill(rows), clickhouse.Settings{
		"insert_deduplication_token": token, "insert_deduplicate": 1, "async_insert": 0,
	})
	buffers.reset()
	return err
}

func (s *Store) insert(ctx context.Context, table string, names []string, values []any, settings clickhouse.Settings) error {
	act := "insert into " + table
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(settings))
	batch, err := s.conn.PrepareBatch(ctx, fmt.Sprintf("INSERT INTO %s.%s (`%s`)", s.database, table, strings.Join(names, "`, `")))
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = batch.Close() }()
	for i, v := range values {
		if err := batch.Column(i).Append(v); err != nil {
			_ = batch.Abort()
			return classify(act, err)
		}
	}
	if err := batch.Send(); err != nil {
		return classify(act, err)
	}
	return nil
}

// linkColumns lays out the pairs that the rows link.
func linkColumns(rows []record.Record) (names []string, values []any, found bool) {
	var sites []string
	var subjects, visitors [][]byte
	var seen, ends []time.Time
	for i := range rows {
		r := &rows[i]
		links := r.Type == event.TypeIdentify || r.Type == event.TypeAlias
		if !links || r.Scope != event.ScopePerson || r.Subject.IsZero() || r.Visitor.IsZero() || r.Subject == r.Visitor {
			continue
		}
		sites = append(sites, string(r.Site))
		subjects, visitors = append(subjects, r.Subject[:]), append(visitors, r.Visitor[:])
		seen, ends = append(seen, r.ReceivedAt), append(ends, r.ExpiresAt)
	}
	return []string{"site", "subject", "visitor", "seen_at", "expires_at"}, []any{sites, subjects, visitors, seen, ends}, len(sites) > 0
}

// Present says for each row whether its (site, message id) is stored. A row
// that has expired counts as present: the server lets it vanish at insert, so
// that no insert could ever make it appear. Message ids travel as data, not in
// the query.
func (s *Store) Present(ctx context.Context, rows []record.Record) ([]bool, error) {
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
	oldest, now := rows[0].ReceivedAt, time.Now()
	for i := range rows {
		if err := wanted.Append(string(rows[i].Site), rows[i].MessageID); err != nil {
			return nil, classify(act, err)
		}
		if rows[i].ReceivedAt.Before(oldest) {
			oldest = rows[i].ReceivedAt
		}
	}
	found := make(map[messageKey]struct{}, len(rows))
	err = s.readKeys(clickhouse.Context(ctx, clickhouse.WithExternalTable(wanted)), act,
		"SELECT DISTINCT site, message_id FROM "+s.database+".events WHERE received_at >= fromUnixTimestamp64Milli(?) AND (site, message_id) IN (SELECT site, message_id FROM wanted)",
		func(k messageKey) { found[k] = struct{}{} }, oldest.Truncate(time.Hour).UnixMilli())
	if err != nil {
		return nil, err
	}
	for i := range rows {
		_, ok := found[messageKey{string(rows[i].Site), rows[i].MessageID}]
		present[i] = ok || !rows[i].ExpiresAt.After(now)
	}
	return present, nil
}

// Recent yields the newest (site, message id) pairs received since the given
// time, at most limit of them. Rows of scope none keep only their hour, so the
// time is cut to the hour.
func (s *Store) Recent(ctx context.Context, since time.Time, limit int, yield func(site event.SiteID, messageID string)) error {
	return s.readKeys(ctx, "read recent rows",
		"SELECT site, message_id FROM "+s.database+".events WHERE received_at >= fromUnixTimestamp64Milli(?) AND message_id != '' ORDER BY received_at DESC LIMIT ?",
		func(k messageKey) { yield(event.SiteID(k.site), k.message) }, since.Truncate(time.Hour).UnixMilli(), limit)
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
