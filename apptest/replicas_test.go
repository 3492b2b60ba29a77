package apptest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/ClickHouse/clickhouse-go/v2/lib/driver"

	"zgoda/telemetry/catalogue"
)

// twoServers is a system on a ClickHouse of its own that has a replica: two engines,
// which know nothing of each other.
type twoServers struct {
	*eraser
	engines [2]*ownEngine
	direct  [2]driver.Conn // to look with
}

// makeEngineLike makes an engine with the users of another.
func makeEngineLike(t *testing.T, like *ownEngine) *ownEngine {
	t.Helper()
	own := makeEngine(t)
	users, err := os.ReadFile(filepath.Join(like.run, "engine", "users.xml"))
	if err == nil {
		err = os.WriteFile(filepath.Join(own.run, "engine", "users.xml"), users, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	own.access.Admin = like.access.Admin
	return own
}

func startTwoServers(t *testing.T) *twoServers {
	t.Helper()
	s := &twoServers{}
	s.engines[0] = startEngine(t)
	s.engines[1] = makeEngineLike(t, s.engines[0]) // it is away at the start
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	text = fmt.Appendf(text, "rights: {gather: 1s}\nclickhouse: %s\nclickhouse_replicas: [%q]\n", s.engines[0].dsn(), s.engines[1].access.Address)
	if err := os.WriteFile(config, text, 0o600); err != nil {
		t.Fatal(err)
	}
	s.eraser = &eraser{up(t, "--config", config), secret}
	for i, e := range s.engines {
		options, err := clickhouse.ParseDSN(e.dsn())
		if err == nil {
			options.Auth.Database = ""
			s.direct[i], err = clickhouse.Open(options)
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.direct[i].Close() })
	}
	return s
}

// on asks one of the servers for a number.
func (s *twoServers) on(t *testing.T, i int, query string, args ...any) (n uint64) {
	t.Helper()
	if err := s.direct[i].QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// have are the rows of somebody on each server.
func (s *twoServers) have(t *testing.T, user string) (n [2]uint64) {
	t.Helper()
	for i := range n {
		n[i] = s.on(t, i, "SELECT count() FROM zgoda.events WHERE name = ? SETTINGS apply_deleted_mask = 0", "of "+user)
	}
	return n
}

// copied brings the rows of somebody to the second server, as an operator does whose
// copy is not one that ClickHouse replicates.
func (s *twoServers) copied(t *testing.T, user string) {
	t.Helper()
	rows, err := s.direct[0].Query(t.Context(), "SELECT * FROM zgoda.events WHERE name = ?", "of "+user)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = rows.Close() }()
	batch, err := s.direct[1].PrepareBatch(t.Context(), "INSERT INTO zgoda.events (`"+strings.Join(rows.Columns(), "`, `")+"`)")
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		into, values := make([]any, len(rows.Columns())), make([]any, len(rows.Columns()))
		for i, column := range rows.ColumnTypes() {
			into[i] = reflect.New(column.ScanType()).Interface()
		}
		if err := rows.Scan(into...); err != nil {
			t.Fatal(err)
		}
		for i := range into {
			values[i] = reflect.ValueOf(into[i]).Elem().Interface()
		}
		if err := batch.Append(values...); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(rows.Err(), batch.Send()); err != nil {
		t.Fatal(err)
	}
}

// TestReplicas: on a ClickHouse with a replica nobody's erasure is certified while the
// replica is away or has rows of theirs, and all of them are told of.
func TestReplicas(t *testing.T) {
	s := startTwoServers(t)
	replica := s.engines[1].access.Address
	t.Run("away from the start", func(t *testing.T) {
		if out, _, code := s.zgoda(t, "", "doctor"); code == 0 || !strings.Contains(out, "the ClickHouse "+replica+" cannot be asked") {
			t.Errorf("doctor: %d %s", code, out)
		}
		s.events(t, "jana", "", 5)
		s.stored(t, "jana", 5)
		id := s.forget(t, "user_id:jana")
		s.waits(t, id)
		s.watched(t, false)
		s.engines[1].start(t)
		if body := s.complete(t, id); body.Tables[0].Before != 5 || len(body.Tables[0].Copies) != 2 {
			t.Errorf("the certificate says %+v", body.Tables)
		}
	})
	t.Run("it is back and watched", func(t *testing.T) { s.watched(t, true) })
	t.Run("rows on both", func(t *testing.T) { s.onBoth(t) })
	t.Run("away in the middle", func(t *testing.T) { s.awayInTheMiddle(t) })
	t.Run("not of the schema", func(t *testing.T) {
		if err := s.direct[1].Exec(t.Context(), "ALTER TABLE zgoda.migrations DELETE WHERE number = 3 SETTINGS mutations_sync = 1"); err != nil {
			t.Fatal(err)
		}
		if out, _, code := s.zgoda(t, "", "doctor"); code == 0 || !strings.Contains(out, "the ClickHouse "+replica+": it has not the schema of this zgoda") {
			t.Errorf("doctor: %d %s", code, out)
		}
	})
}

// watched waits until metrics tell of the replica what is so, and holds all that is told to
// the catalogue. The first server is told of in any case.
func (s *twoServers) watched(t *testing.T, there bool) {
	t.Helper()
	var told map[string]float64
	eventually(t, 40*time.Second, "metrics tell of the replica", func() bool {
		told = s.metrics(t)
		_, parts := told[`zgoda_clickhouse_parts{server="replica_1",table="events"}`]
		_, disk := told[`zgoda_clickhouse_disk_free_bytes{server="replica_1"}`]
		skew, clock := told[`zgoda_clock_skew_seconds{peer="replica_1"}`]
		return (told[`zgoda_clickhouse_away_seconds{server="replica_1"}`] == 0) == there && parts == there && disk == there && clock == there && skew < 1 && skew > -1
	})
	for _, name := range []string{`zgoda_clickhouse_parts{server="first",table="events"}`, `zgoda_clickhouse_disk_free_bytes{server="first"}`, `zgoda_clock_skew_seconds{peer="clickhouse"}`, `zgoda_clock_skew_seconds{peer="keyholder"}`} {
		if _, ok := told[name]; !ok {
			t.Errorf("%s is not told", name)
		}
	}
	if away := told[`zgoda_clickhouse_away_seconds{server="first"}`]; away != 0 {
		t.Errorf("the first server is away for %v", away)
	}
	toldBy(t, s.ops).agree(t, catalogue.Gateway)
}

// waits looks until an erasure shows that the replica is waited for, which is no try.
func (s *twoServers) waits(t *testing.T, id string) {
	t.Helper()
	want := "waiting: replica " + s.engines[1].access.Address
	eventually(t, 2*time.Minute, "the erasure waits for the replica", func() bool { return s.request(t, id).Error == want })
	if out := s.done(t, "", "requests", "show", id); !strings.Contains(out, want) {
		t.Errorf("show: %s", out)
	}
	for _, verb := range []string{"list", "queue"} {
		if out := s.done(t, "", "requests", verb); !strings.Contains(out, want) {
			t.Errorf("%s: %s", verb, out)
		}
	}
	if r := s.request(t, id); r.State != "in_progress" || r.Attempts != 0 {
		t.Errorf("%s after %d tries", r.State, r.Attempts)
	}
}

// onBoth: rows lie on both servers.
func (s *twoServers) onBoth(t *testing.T) {
	t.Helper()
	s.events(t, "eva", "", 7)
	s.events(t, "petr", "", 3)
	s.stored(t, "eva", 7)
	s.stored(t, "petr", 3)
	s.copied(t, "eva")
	s.copied(t, "petr")
	if got := s.have(t, "eva"); got != [2]uint64{7, 7} {
		t.Fatal(got)
	}
	id := s.forget(t, "user_id:eva")
	body := s.complete(t, id)
	if got := [2][2]uint64{s.have(t, "eva"), s.have(t, "petr")}; got != [2][2]uint64{{0, 0}, {3, 3}} {
		t.Errorf("rows of who was erased and who was not: %v", got)
	}
	for i := range s.direct {
		if n := s.on(t, i, "SELECT count() FROM zgoda.erasures_done"); n == 0 {
			t.Errorf("server %d has no mark of the erasure", i)
		}
		if n := s.on(t, i, "SELECT count() FROM system.mutations WHERE database = 'zgoda' AND (NOT is_done OR position(command, 'erasing') > 0)"); n != 0 {
			t.Errorf("server %d has %d mutations of the erasure", i, n)
		}
	}
	for _, table := range body.Tables {
		if table.Replicas != 2 || len(table.Copies) != 2 || table.Copies[0].Server != s.engines[0].access.Address || table.Copies[1].Server != s.engines[1].access.Address {
			t.Fatalf("the certificate says %+v", table)
		}
		for _, c := range table.Copies {
			if c.After != 0 || c.Verified.Before(body.Cutoff.Add(-time.Second)) || c.Verified.After(body.Done.Add(time.Second)) {
				t.Errorf("the certificate says of %s %+v", table.Name, c)
			}
		}
	}
	out, errs, code := s.zgoda(t, s.done(t, "", "certificate", "get", id), "certificate", "verify", "-")
	if code != 0 || !strings.Contains(out, "  on "+s.engines[1].access.Address+": 0 after; counted ") {
		t.Errorf("verify: %d %s%s", code, out, errs)
	}
}

// awayInTheMiddle: a replica that is lost after the request has rows that nobody can
// look at. Nothing is certified before it is back, and without them.
func (s *twoServers) awayInTheMiddle(t *testing.T) {
	t.Helper()
	s.events(t, "olga", "", 4)
	s.stored(t, "olga", 4)
	s.copied(t, "olga")
	s.engines[1].end(syscall.SIGKILL)
	id := s.forget(t, "user_id:olga")
	s.waits(t, id)
	if _, _, code := s.zgoda(t, "", "certificate", "get", id); code == 0 {
		t.Error("it is certified")
	}
	s.engines[1].start(t)
	if body := s.complete(t, id); body.Tables[0].Replicas != 2 {
		t.Errorf("the certificate says %+v", body.Tables)
	}
	if got := s.have(t, "olga"); got != [2]uint64{} {
		t.Errorf("rows are left: %v", got)
	}
}
