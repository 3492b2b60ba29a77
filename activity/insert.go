package activity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"

	"zgoda/event"
	"zgoda/record"
)

// insertInto is the statement that inserts into a table.
func (s *Store) insertInto(table string, names []string) string {
	return fmt.Sprintf("INSERT INTO %s.%s (`%s`)", s.database, table, strings.Join(names, "`, `"))
}

// Insert stores rows, which are encoded records, once for each token: the same
// token again is a no-op. It returns nil only when they are on disk. Errors are
// *Error. The pairs that identify and alias rows of scope person link are stored
// in links as well, and before the events: the writer asks after a failure which
// events are there, and must find none whose link is not. A pair that is stored
// again is harmless. Rows are only read, and only during the call.
func (s *Store) Insert(ctx context.Context, token string, rows [][]byte) error {
	if len(rows) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.QueryTimeout)
	defer cancel()
	if err := s.insertLinks(ctx, rows); err != nil {
		return unsent(err)
	}
	const act = "insert into events"
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{
		"insert_deduplication_token": token, "insert_deduplicate": 1, "async_insert": 0,
	}))
	batch, err := s.conn.PrepareBatch(ctx, s.insertEvents)
	if err != nil {
		return unsent(classify(act, err)) // the rows are sent by Send alone
	}
	page := s.sheet()
	if err := page.fill(batch.Columns(), rows); err != nil {
		_ = batch.Abort() // the sheet is left to the collector: it may be half filled
		return unsent(classify(act, err))
	}
	s.keep(page)
	if err := batch.Send(); err != nil {
		return classify(act, err)
	}
	return nil
}

// insertLinks stores the pairs that the rows link.
func (s *Store) insertLinks(ctx context.Context, rows [][]byte) error {
	const act = "insert into links"
	values, err := linkColumns(rows)
	if err != nil || values == nil {
		return classifyOrNil(act, err)
	}
	ctx = clickhouse.Context(ctx, clickhouse.WithSettings(clickhouse.Settings{"insert_deduplicate": 0, "async_insert": 0}))
	batch, err := s.conn.PrepareBatch(ctx, s.insertInto("links", linkNames))
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
	return classifyOrNil(act, batch.Send())
}

var linkNames = []string{"site", "subject", "visitor", "seen_at", "expires_at"}

// linkColumns lays out the pairs that the rows link; nil when there are none.
func linkColumns(rows [][]byte) ([]any, error) {
	var sites []string
	var subjects, visitors [][]byte
	var seen, ends []time.Time
	var v record.View
	for _, row := range rows {
		if err := v.Read(row); err != nil {
			return nil, errValue
		}
		links := v.Type() == event.TypeIdentify || v.Type() == event.TypeAlias
		if !links || v.Scope() != event.ScopePerson {
			continue
		}
		subject, visitor := event.Handle(v.Subject()), event.Handle(v.Visitor())
		if subject.IsZero() || visitor.IsZero() || subject == visitor {
			continue
		}
		sites = append(sites, string(v.Text(record.TextSite)))
		subjects, visitors = append(subjects, v.Subject()), append(visitors, v.Visitor())
		seen, ends = append(seen, time.UnixMilli(v.Received())), append(ends, time.Unix(v.Expires(), 0))
	}
	if len(sites) == 0 {
		return nil, nil
	}
	return []any{sites, subjects, visitors, seen, ends}, nil
}
