package activity_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/activity"
	"zgoda/activity/erase"
	"zgoda/engine"
	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/record"
)

func open(t *testing.T, address string, who engine.Credential) *activity.Store {
	t.Helper()
	c := activity.DefaultConfig()
	c.Address, c.User, c.Password = address, who.User, who.Password.Reveal()
	s, err := activity.Open(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func ask(t *testing.T, s *activity.Store, sql string) string {
	t.Helper()
	var b bytes.Buffer
	if err := s.Query(t.Context(), sql, &b, activity.TSV); err != nil {
		if e, ok := errors.AsType[*activity.Error](err); ok {
			t.Fatalf("%s: %v: %s", sql, err, e.Detail())
		}
		t.Fatal(err)
	}
	return b.String()
}

func rowsOf(n int, prefix string) []record.Record {
	now := time.Now().UTC().Truncate(time.Millisecond)
	rows := make([]record.Record, n)
	for i := range rows {
		rows[i] = record.Record{
			Site: "shop", Type: event.TypeTrack, Scope: event.ScopePerson, MessageID: fmt.Sprintf("%s-%d", prefix, i),
			Time: now, ReceivedAt: now, ExpiresAt: now.Add(24 * time.Hour), Subject: event.Handle{1, byte(i), byte(i >> 8)},
			Name: "Viewed", PagePath: "/p", Country: "SK", Properties: `{"a":1}`, Purposes: 6, DecidedBy: "cookie", PolicyVersion: 3, KeyVersion: 1,
		}
	}
	return rows
}

// encoded encodes rows as the spool has them.
func encoded(rows []record.Record) [][]byte {
	out := make([][]byte, len(rows))
	for i := range rows {
		out[i] = record.Append(nil, &rows[i])
	}
	return out
}

// write repeats an insert as the writer does, for as long as the engine is away.
func write(t *testing.T, s *activity.Store, token string, rows []record.Record) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		err := s.Insert(ctx, token, encoded(rows))
		if err == nil {
			return
		}
		var e *activity.Error
		if !errors.As(err, &e) || e.Poison() || !e.Transient() {
			t.Fatal(err)
		}
		select {
		case <-ctx.Done():
			t.Fatal(err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func TestStore(t *testing.T) {
	room := enginetest.StartRoom(t)
	admin := open(t, room.Access.Address, room.Access.Admin)
	writer := open(t, room.Access.Address, room.Access.Writer)
	analyst := open(t, room.Access.Address, room.Access.Analyst)
	for range 2 {
		if err := writer.Migrate(t.Context()); err != nil {
			t.Fatal(err, detail(err))
		}
	}
	t.Run("columns", func(t *testing.T) { testColumns(t, admin) })
	t.Run("registry", func(t *testing.T) { testRegistry(t, admin) })
	t.Run("once for each token", func(t *testing.T) { testOnce(t, admin, writer) })
	t.Run("expired counts as present", func(t *testing.T) { testExpired(t, writer) })
	t.Run("links", func(t *testing.T) { testLinks(t, admin, writer) })
	t.Run("every value comes back", func(t *testing.T) { testValues(t, admin, writer) })
	t.Run("formats", func(t *testing.T) { testFormats(t, admin) })
	t.Run("analyst", func(t *testing.T) { testAnalyst(t, admin, writer, analyst) })
	t.Run("poison", func(t *testing.T) { testPoison(t, writer) })
	t.Run("survives kill -9", func(t *testing.T) { testKills(t, room, admin, writer) })
	t.Run("nothing is logged", func(t *testing.T) {
		if got := ask(t, admin, "SELECT name FROM system.tables WHERE database = 'system' AND (name LIKE '%\\_log' OR name LIKE '%crash%')"); got != "" {
			t.Fatal(got)
		}
	})
}

func testOnce(t *testing.T, admin *activity.Store, writer *activity.Store) {
	t.Helper()
	rows := rowsOf(100, "once")
	for range 3 {
		write(t, writer, "once", rows)
	}
	if got := ask(t, admin, "SELECT count(), uniqExact(message_id) FROM events WHERE startsWith(message_id, 'once')"); got != "100\t100\n" {
		t.Fatal(got)
	}
	present, err := writer.Present(t.Context(), encoded(append(rowsOf(1, "never"), rows[:2]...)))
	if err != nil || present[0] || !present[1] || !present[2] {
		t.Fatal(present, err, detail(err))
	}
	seen := 0
	if _, err := writer.Recent(t.Context(), time.Now().Add(-time.Hour), 70, func(site event.SiteID, id string) {
		if site == "shop" && strings.HasPrefix(id, "once-") {
			seen++
		}
	}); err != nil || seen != 70 {
		t.Fatal(seen, err)
	}
}

func testExpired(t *testing.T, writer *activity.Store) {
	t.Helper()
	rows := rowsOf(2, "expired")
	rows[0].ExpiresAt = time.Now().Add(-time.Hour)
	present, err := writer.Present(t.Context(), encoded(rows))
	if err != nil || !present[0] || present[1] {
		t.Fatal(present, err)
	}
}

func testLinks(t *testing.T, admin *activity.Store, writer *activity.Store) {
	t.Helper()
	rows := rowsOf(3, "links")
	for i := range rows {
		rows[i].Visitor = event.Handle{9, byte(i)}
	}
	rows[0].Type, rows[1].Type = event.TypeIdentify, event.TypeAlias
	write(t, writer, "links", rows)
	write(t, writer, "links", rows)
	if got := ask(t, admin, "SELECT subject, visitor FROM links FINAL ORDER BY subject"); got !=
		"01"+strings.Repeat("0", 30)+"\t09"+strings.Repeat("0", 30)+"\n0101"+strings.Repeat("0", 28)+"\t0901"+strings.Repeat("0", 28)+"\n" {
		t.Fatal(got)
	}
}

func testPoison(t *testing.T, writer *activity.Store) {
	t.Helper()
	rows := rowsOf(1, "poison")
	rows[0].Scope = 77
	var e *activity.Error
	if err := writer.Insert(t.Context(), "poison", encoded(rows)); !errors.As(err, &e) || !e.Poison() {
		t.Fatal(err)
	}
}

func testKills(t *testing.T, room *enginetest.Room, admin *activity.Store, writer *activity.Store) {
	t.Helper()
	for round := range 3 {
		pid := room.PID()
		write(t, writer, fmt.Sprint("kill", round), rowsOf(500, fmt.Sprint("kill", round)))
		room.Kill()
		room.Restarted(t, pid, 10*time.Second)
	}
	write(t, writer, "after", rowsOf(1, "kill-after"))
	if got := ask(t, admin, "SELECT count(), uniqExact(message_id) FROM events WHERE startsWith(message_id, 'kill')"); got != "1501\t1501\n" {
		t.Fatal(got)
	}
}

func detail(err error) string {
	if e, ok := errors.AsType[*activity.Error](err); ok {
		return e.Detail()
	}
	return ""
}

func testColumns(t *testing.T, admin *activity.Store) {
	t.Helper()
	want := strings.Join([]string{
		"site LowCardinality(String)", "ts DateTime64(3, 'UTC')", "received_at DateTime64(3, 'UTC')", "message_id String",
		"scope Enum8('none' = 0, 'period' = 1, 'person' = 2)", "subject FixedString(16)", "visitor FixedString(16)",
		"type LowCardinality(String)", "name LowCardinality(String)", "page_host LowCardinality(String)", "page_path LowCardinality(String)",
		"page_query String", "page_title LowCardinality(String)", "referrer_host LowCardinality(String)", "referrer_path LowCardinality(String)",
		"campaign_name LowCardinality(String)", "campaign_source LowCardinality(String)", "campaign_medium LowCardinality(String)",
		"campaign_term LowCardinality(String)", "campaign_content LowCardinality(String)", "browser LowCardinality(String)",
		"os LowCardinality(String)", "device LowCardinality(String)", "country LowCardinality(String)",
		"source_tag LowCardinality(String)", "purposes UInt32", "decided_by LowCardinality(String)", "policy_version UInt32",
		"key_version UInt32", "flags UInt8", "group String", "properties String", "expires_at DateTime('UTC')", "stored_on Date",
	}, "\n") + "\n"
	got := ask(t, admin, "SELECT concat(name, ' ', type) FROM system.columns WHERE database = 'zgoda' AND table = 'events' ORDER BY position")
	if got = strings.ReplaceAll(got, `\'`, `'`); got != want {
		t.Fatalf("columns of events:\n%s", got)
	}
}

// testRegistry: nothing holds or shows pseudonyms that an erasure does not know of.
func testRegistry(t *testing.T, admin *activity.Store) {
	t.Helper()
	for line := range strings.Lines(ask(t, admin, "SELECT table, name, (SELECT any(engine) FROM system.tables AS t WHERE t.database = 'zgoda' AND t.name = c.table) "+
		"FROM system.columns AS c WHERE database = 'zgoda' AND type LIKE '%FixedString(16)%'")) {
		column := strings.Split(strings.TrimSpace(line), "\t")
		registered := column[0] == "erasures_done" && column[1] == "id" // of a request
		for _, p := range activity.PersonalTables {
			registered = registered || p.Is(column[0]) && slices.Contains(p.Handles, column[1])
		}
		if column[2] == "View" {
			registered = slices.Contains(activity.PersonalViews, column[0])
		}
		if !registered {
			t.Errorf("the %s %s has pseudonyms in %s and is not registered", column[2], column[0], column[1])
		}
	}
	if names, err := admin.Strangers(t.Context()); err != nil || len(names) > 0 {
		t.Errorf("taken for somebody else's: %q, %v", names, err)
	}
	// Deletions do not reach what others derive from a table.
	if got := ask(t, admin, "SELECT name FROM system.tables WHERE database = 'zgoda' AND engine NOT IN ('View', 'MergeTree', 'ReplacingMergeTree', 'Memory') "+
		"UNION ALL SELECT name FROM system.projections WHERE database = 'zgoda' UNION ALL SELECT name FROM system.dictionaries"); got != "" {
		t.Errorf("derived: %s", got)
	}
	for _, name := range activity.Lasting {
		if got := ask(t, admin, "SELECT engine LIKE '%MergeTree' FROM system.tables WHERE database = 'zgoda' AND name = '"+name+"'"); got != "1\n" {
			t.Errorf("%s is to last: %q", name, got)
		}
	}
}

func testValues(t *testing.T, admin, writer *activity.Store) {
	t.Helper()
	r := rowsOf(1, "values")[0]
	r.Scope, r.Type = event.ScopePeriod, event.TypePage
	r.Visitor, r.Group, r.Flags = event.Handle{5}, event.Blinded{7}, event.FlagReleased
	r.PageHost, r.PageQuery, r.PageTitle, r.RefHost, r.RefPath = "h", "q", "t", "rh", "rp"
	r.Campaign = event.Campaign{Name: "cn", Source: "cs", Medium: "cm", Term: "ct", Content: "cc"}
	r.Browser, r.OS, r.Device, r.SourceTag = "b", "o", "d", "tag"
	r.Time, r.ReceivedAt = time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), time.Now().UTC().Truncate(time.Millisecond)
	write(t, writer, "values", []record.Record{r})
	got := ask(t, admin, "SELECT site, ts, scope, subject, visitor, type, name, page_host, page_path, page_query, page_title, referrer_host, referrer_path, campaign_name, campaign_source, campaign_medium, campaign_term, campaign_content, browser, os, device, country, source_tag, purposes, decided_by, policy_version, key_version, flags, hex(`group`), properties FROM events WHERE message_id = 'values-0'")
	want := "shop\t2026-01-02 03:04:05.006\tperiod\t01" + strings.Repeat("0", 30) + "\t05" + strings.Repeat("0", 30) +
		"\tpage\tViewed\th\t/p\tq\tt\trh\trp\tcn\tcs\tcm\tct\tcc\tb\to\td\tSK\ttag\t6\tcookie\t3\t1\t1\t07" + strings.Repeat("0", 62) + "\t{\"a\":1}\n"
	if got != want {
		t.Fatalf("got\n%swant\n%s", got, want)
	}
}

func testFormats(t *testing.T, admin *activity.Store) {
	t.Helper()
	const sql = `SELECT 1::UInt8 AS n, 'a"b	c' AS s, NULL::Nullable(Int32) AS nul, [1, 2] AS list, map('k', 'v') AS m,
		toDateTime64('2026-01-02 03:04:05.678', 3, 'UTC') AS t64, toDate('2026-01-02') AS d, toFixedString('ab', 4) AS fs, unhex('00ff') AS bin,
		toUUID('61f0c404-5cb3-11e7-907b-a6006ad3dba0') AS u, 1.5::Float64 AS f, toDecimal64('1.25', 2) AS dec, toLowCardinality('lc') AS lc,
		CAST('x', 'Enum8(''x'' = 1)') AS e, toInt128('170141183460469231731687303715884105727') AS big, true AS b, tuple(1, 'z') AS tup, toIPv4('127.0.0.1') AS ip;`
	for format, want := range map[activity.Format]string{
		activity.TSV: "1\ta\"b\\tc\t\\N\t[1,2]\t{\"k\":\"v\"}\t2026-01-02 03:04:05.678\t2026-01-02\tab\t00ff\t61f0c404-5cb3-11e7-907b-a6006ad3dba0\t1.5\t1.25\tlc\tx\t170141183460469231731687303715884105727\ttrue\t[1,\"z\"]\t127.0.0.1\n",
		activity.JSON: `{"n":1,"s":"a\"b\tc","nul":null,"list":[1,2],"m":{"k":"v"},"t64":"2026-01-02 03:04:05.678","d":"2026-01-02","fs":"ab","bin":"00ff",` +
			`"u":"61f0c404-5cb3-11e7-907b-a6006ad3dba0","f":1.5,"dec":"1.25","lc":"lc","e":"x","big":170141183460469231731687303715884105727,"b":true,"tup":[1,"z"],"ip":"127.0.0.1"}` + "\n",
		activity.CSV: "n,s,nul,list,m,t64,d,fs,bin,u,f,dec,lc,e,big,b,tup,ip\n1,\"a\"\"b\tc\",\\N,\"[1,2]\",\"{\"\"k\"\":\"\"v\"\"}\",2026-01-02 03:04:05.678,2026-01-02,ab,00ff,61f0c404-5cb3-11e7-907b-a6006ad3dba0,1.5,1.25,lc,x,170141183460469231731687303715884105727,true,\"[1,\"\"z\"\"]\",127.0.0.1\n",
	} {
		var b bytes.Buffer
		if err := admin.Query(t.Context(), sql, &b, format); err != nil {
			t.Fatal(err, detail(err))
		}
		if b.String() != want {
			t.Errorf("%s:\n got %q\nwant %q", format, b.String(), want)
		}
	}
	var b bytes.Buffer
	if err := admin.Query(t.Context(), "SELECT number AS n, 'x' AS text FROM numbers(9, 2)", &b, activity.Pretty); err != nil || b.String() != "n  | text\n---+-----\n9  | x\n10 | x\n" {
		t.Errorf("Pretty: %q %v", b.String(), err)
	}
}

func testAnalyst(t *testing.T, admin, writer, analyst *activity.Store) {
	t.Helper()
	group := func(name string, n int, scope event.Scope, people int) []record.Record {
		rows := rowsOf(n, name)
		for i := range rows {
			rows[i].Name, rows[i].Scope, rows[i].Subject = name, scope, event.Handle{}
			if people > 0 {
				rows[i].Subject = event.Handle{1, byte(i % people)}
			}
		}
		return rows
	}
	for _, g := range [][]record.Record{
		group("few", 19, event.ScopeNone, 0), group("enough", 27, event.ScopeNone, 0),
		group("onesided", 40, event.ScopePeriod, 19), group("manysided", 40, event.ScopePeriod, 21), group("profiled", 40, event.ScopePerson, 40),
	} {
		write(t, writer, g[0].Name, g)
	}
	if got := ask(t, analyst, "SELECT name FROM daily_activity UNION ALL SELECT site FROM daily_visitors"); got != "" {
		t.Fatalf("shown before it is known who is hidden: %s", got)
	}
	if err := writer.Fill(t.Context(), maps.All(map[event.Handle]erase.What{{1, 3}: erase.FromAll})); err != nil {
		t.Fatal(err, detail(err))
	}
	if got := ask(t, analyst, "SELECT name, events FROM daily_activity WHERE name IN ('few', 'enough', 'onesided', 'manysided', 'profiled') ORDER BY name"); got != "enough\t20\nmanysided\t30\n" {
		t.Fatal(got)
	}
	for site, people := range map[event.SiteID]int{"counted": 27, "uncounted": 19} {
		rows := group(string(site), 40, event.ScopePeriod, people)
		for i := range rows {
			rows[i].Site, rows[i].Visitor, rows[i].Flags = site, event.Handle{}, event.FlagDay
		}
		write(t, writer, string(site), rows)
	}
	if got := ask(t, analyst, "SELECT site, cookieless, visitors FROM daily_visitors WHERE site IN ('counted', 'uncounted')"); got != "counted\t1\t20\n" {
		t.Errorf("visitors of a day: %q", got)
	}
	for _, sql := range []string{
		"SELECT * FROM events", "SELECT count() FROM events", "SELECT * FROM links", "SELECT subject FROM merge('zgoda', 'events')",
		"INSERT INTO events (site) VALUES ('x')", "CREATE TABLE x (a UInt8) ENGINE = Memory", "SELECT query FROM system.processes",
		"SELECT file('/etc/hostname')", "SELECT * FROM file('/etc/hostname', 'LineAsString')", "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
		"SELECT (SELECT /* file */ `file`('/etc/hostname'))", "SYSTEM STOP LISTEN TCP", "DROP TABLE events", "KILL QUERY WHERE 1",
	} {
		var b bytes.Buffer
		if err := analyst.Query(t.Context(), sql, &b, activity.TSV); err == nil {
			t.Errorf("the analyst may: %s: %s", sql, b.String())
		}
	}
	if got := ask(t, admin, "SELECT count() > 0 FROM events"); got != "true\n" && got != "1\n" {
		t.Fatal(got)
	}
}
