package activity

import (
	"context"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/ext"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"zgoda/activity/erase"
	"zgoda/event"
)

// Row is one stored event of a person, without pseudonyms and the version of their
// key.
type Row struct {
	Site                                     event.SiteID
	Time, ReceivedAt                         time.Time // UTC
	MessageID                                string
	Scope                                    event.Scope
	Type, Name                               string
	PageHost, PagePath, PageQuery, PageTitle string
	RefHost, RefPath                         string
	Campaign                                 event.Campaign
	Browser, OS, Device, Country, SourceTag  string
	Purposes                                 event.PurposeSet
	DecidedBy                                string
	PolicyVersion                            uint32
	Flags                                    event.Flags
	Grouped                                  bool // it has the pseudonym of a group
	Properties                               string
	ExpiresAt, StoredOn                      time.Time // UTC
}

const (
	// personRows are the rows of a person: all under some of the pseudonyms, and under
	// others those of a window of time. A window counts by the event's own time or by that of receipt.
	personRows = "subject IN (SELECT subject FROM person) AND (subject IN (SELECT subject FROM person WHERE NOT windowed)" +
		" OR arrayExists(w -> w.1 = subject AND toUnixTimestamp64Milli(if(w.2, received_at, ts)) >= w.3 AND toUnixTimestamp64Milli(if(w.2, received_at, ts)) < w.4," +
		" (SELECT groupArray((subject, received, since, until)) FROM person WHERE windowed)))"

	selectPerson = "SELECT site, ts, received_at, message_id, toUInt8(scope) AS scope_number, type, name, page_host, page_path, page_query, page_title, referrer_host, referrer_path," +
		" campaign_name, campaign_source, campaign_medium, campaign_term, campaign_content, browser, os, device, country, source_tag, purposes, decided_by," +
		" policy_version, flags, `group` != '' AS grouped, properties, expires_at, stored_on" +
		" FROM {db}.events WHERE "

	selectPairs = "SELECT DISTINCT seen_at FROM {db}.links WHERE subject IN (SELECT subject FROM person WHERE NOT windowed)"
)

// Rows yields every stored event of a person as it comes from the server, by site,
// pseudonym and time, until yield returns false, and returns how many it yielded. The
// pseudonyms travel as data. Whoever is hidden is not hidden from it.
func (s *Store) Rows(ctx context.Context, p erase.Person, yield func(Row) bool) (n uint64, err error) {
	err = s.person(ctx, "read the rows of a person", selectPerson+personRows, " ORDER BY site, subject, ts", &p, func(rows driver.Rows) (bool, error) {
		var r Row
		var scope, flags uint8
		var purposes uint32
		c := &r.Campaign
		if err := rows.Scan((*string)(&r.Site), &r.Time, &r.ReceivedAt, &r.MessageID, &scope, &r.Type, &r.Name, &r.PageHost, &r.PagePath, &r.PageQuery, &r.PageTitle,
			&r.RefHost, &r.RefPath, &c.Name, &c.Source, &c.Medium, &c.Term, &c.Content, &r.Browser, &r.OS, &r.Device, &r.Country, &r.SourceTag,
			&purposes, &r.DecidedBy, &r.PolicyVersion, &flags, &r.Grouped, &r.Properties, &r.ExpiresAt, &r.StoredOn); err != nil {
			return false, err
		}
		r.Time, r.ReceivedAt, r.ExpiresAt, r.StoredOn = r.Time.UTC(), r.ReceivedAt.UTC(), r.ExpiresAt.UTC(), r.StoredOn.UTC()
		r.Scope, r.Purposes, r.Flags = event.Scope(scope), event.PurposeSet(purposes), event.Flags(flags)
		n++
		return yield(r), nil
	})
	return n, err
}

// LinkTimes yields when a contact was seen together with browsers of theirs, each time
// once, until yield returns false.
func (s *Store) LinkTimes(ctx context.Context, p erase.Person, yield func(seen time.Time) bool) error {
	return s.person(ctx, "read the links of a person", selectPairs, " ORDER BY seen_at", &p, func(rows driver.Rows) (bool, error) {
		var seen time.Time
		if err := rows.Scan(&seen); err != nil {
			return false, err
		}
		return yield(seen.UTC()), nil
	})
}

// person runs a query about a person, and reads its rows as they come.
func (s *Store) person(ctx context.Context, act, query, order string, p *erase.Person, each func(driver.Rows) (bool, error)) error {
	table, err := personTable(p)
	if err != nil {
		return classify(act, err)
	}
	var args []any
	if p.Site != "" {
		query, args = query+" AND site = ?", append(args, string(p.Site))
	}
	rows, err := s.conn.Query(reading(ctx, table), strings.ReplaceAll(query+order, "{db}", s.database), args...)
	if err != nil {
		return classify(act, err)
	}
	defer func() { _ = rows.Close() }()
	for more := true; more && rows.Next(); {
		if more, err = each(rows); err != nil {
			return classify(act, err)
		}
	}
	return classifyOrNil(act, rows.Err())
}

// reading lets a query take as long as whoever reads it takes, within the bounds of
// what a small server has.
func reading(ctx context.Context, table *ext.Table) context.Context {
	return clickhouse.Context(ctx, clickhouse.WithExternalTable(table), clickhouse.WithSettings(clickhouse.Settings{
		"max_execution_time": 0, "max_threads": 2, "optimize_read_in_order": 1, "max_block_size": 8192,
	}))
}

// personTable is a person's pseudonyms as data.
func personTable(p *erase.Person) (*ext.Table, error) {
	table, err := ext.NewTable("person", ext.Column("subject", "FixedString(16)"), ext.Column("windowed", "UInt8"),
		ext.Column("received", "UInt8"), ext.Column("since", "Int64"), ext.Column("until", "Int64"))
	if err != nil {
		return nil, err
	}
	add := func(h event.Handle, windowed bool, w erase.Window) error {
		if h.IsZero() {
			return errValue // the rows of nobody
		}
		since, until := firstTime, lastTime
		if !w.From.IsZero() {
			since = w.From.UnixMilli()
		}
		if !w.To.IsZero() {
			until = w.To.UnixMilli()
		}
		return table.Append(h[:], flag(windowed), flag(w.Received), since, until)
	}
	for _, h := range p.Whole {
		if err := add(h, false, erase.Window{}); err != nil {
			return nil, err
		}
	}
	for _, w := range p.Windows {
		if err := add(w.Subject, true, w); err != nil {
			return nil, err
		}
	}
	return table, nil
}

func flag(on bool) uint8 {
	if on {
		return 1
	}
	return 0
}
