package apptest

import (
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/activity"
	words "zgoda/event"
	"zgoda/record"
)

// TestRotationKeepsContinuity: every key that can be rotated is, one after the
// other, while events come in. Nobody is refused, nothing is lost or doubled, and
// each contact's rows stay together: those from before, by count and by message
// id, and those that come after.
func TestRotationKeepsContinuity(t *testing.T) {
	t.Parallel()
	e := startEngine(t)
	s := upWith(t, e)
	p := person{s: s}
	p.comes(t, 100)
	s.settled(t, time.Minute)
	p.spread(t, e.dsn(), 4950)
	l := startLoad(t, host(t, s.public), mix{clients: 8, pause: 10 * time.Millisecond})
	eventually(t, time.Minute, "load is stored", func() bool { return s.sql(t, loadRows) != "0" && l.acked.Load() > 3000 })

	for _, key := range []string{"link", "purpose-profiling", "gate", "slot", "kek", "purpose-profiling"} {
		rotates(t, &p, l, key)
	}
	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	if l.busy.Load() > 0 || l.silent.Load() > 0 {
		t.Errorf("clients noticed: %s", l.told())
	}
	if got := s.sql(t, "SELECT count() FROM system.tables WHERE database = 'zgoda' AND name LIKE '%rekey%'"); got != "0" {
		t.Errorf("%s tables of the rewriting are left", got)
	}
	if out := s.done(t, "", "keys", "status", "--data", s.data); strings.Contains(out, "under way: purpose") {
		t.Errorf("a rotation is not done:\n%s", out)
	}
}

const loadRows = "SELECT count() FROM events WHERE startsWith(message_id, 'load-')"

// rotates rotates one key under load and compares one contact's rows, and how many
// rows each contact of the load has.
func rotates(t *testing.T, p *person, l *load, key string) {
	t.Helper()
	s := p.s
	s.metrics(t)
	rows, ids := p.rows(t)
	until := s.sql(t, "SELECT toUnixTimestamp64Milli(max(received_at)) - 5000 FROM events")
	stored := "FROM events WHERE startsWith(message_id, 'load-') AND scope = 'person' AND received_at < fromUnixTimestamp64Milli(" + until + ")"
	shape := "SELECT arraySort(groupArray(n)) FROM (SELECT count() AS n " + stored + " GROUP BY subject)"
	before := unchanged(t, func() string { return s.sql(t, shape) }) // ranges are shipped side by side: some of those rows come late
	acked, old := l.acked.Load(), p.subject(t)
	start := time.Now()
	out, errs, code := s.zgoda(t, "", "keys", "rotate", key, "--data", s.data)
	took := time.Since(start)
	if code != 0 {
		t.Fatalf("keys rotate %s: exit %d: %s%s", key, code, out, errs)
	}
	after, idsAfter := p.rows(t)
	t.Logf("rotation of %s under load: one contact's rows %d before, %d after; %s; %d events acknowledged meanwhile",
		key, rows, after, took.Round(10*time.Millisecond), l.acked.Load()-acked)
	if rows != after || !slices.Equal(ids, idsAfter) || rows == 0 {
		t.Errorf("rotation of %s: rows or message ids of the contact differ", key)
	}
	if got := s.sql(t, shape); got != before {
		t.Errorf("rotation of %s: rows of each contact %.200s, before %.200s", key, got, before)
	}
	// Who comes back is who they were.
	p.comes(t, 1)
	eventually(t, time.Minute, "the contact's next event under its pseudonym", func() bool { n, _ := p.rows(t); return n == rows+1 })
	if renewed := p.subject(t) != old; renewed != (key == "purpose-profiling") {
		t.Errorf("rotation of %s: the contact has a new pseudonym: %t", key, renewed)
	}
}

// person is one contact with rows in three months.
type person struct {
	s    *stack
	sent int
}

// comes sends events of the contact.
func (p *person) comes(t *testing.T, n int) {
	t.Helper()
	for range n {
		body := fmt.Sprintf(`{"type":"track","event":"Person","userId":"rotation-person","messageId":"person-%d",%s}`, p.sent, grantAll)
		if resp, text := post(t, p.s.public+"/v1/track", body, secretKey); resp.StatusCode != http.StatusOK {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
		p.sent++
	}
}

// spread stores rows of the contact in the two months before.
func (p *person) spread(t *testing.T, dsn string, each int) {
	t.Helper()
	p.had(t, dsn, each, 1, 2)
}

// had stores rows of the contact as they came so many months ago, as often as it is told.
func (p *person) had(t *testing.T, dsn string, each int, months ...int) {
	t.Helper()
	cfg := activity.DefaultConfig()
	cfg.DSN = dsn
	store, err := activity.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	raw, err := hex.DecodeString(p.subject(t))
	if err != nil {
		t.Fatal(err)
	}
	version, err := strconv.Atoi(p.s.sql(t, "SELECT key_version FROM events WHERE message_id = 'person-0'"))
	if err != nil {
		t.Fatal(err)
	}
	for _, month := range months {
		at := time.Now().UTC().AddDate(0, -month, 0).Truncate(time.Millisecond)
		rows := make([][]byte, each)
		for i := range rows {
			rows[i] = record.Append(nil, &record.Record{
				Site: "demo", Type: words.TypeTrack, Scope: words.ScopePerson, MessageID: fmt.Sprintf("person-%d-%d", month, i),
				Time: at, ReceivedAt: at, ExpiresAt: at.AddDate(1, 0, 0), Subject: words.Handle(raw), Name: "Person", KeyVersion: words.KeyVersion(version),
			})
		}
		if err := store.Insert(t.Context(), fmt.Sprint("month", month), rows); err != nil {
			t.Fatal(err)
		}
	}
}

// subject is the pseudonym of the contact's latest event.
func (p *person) subject(t *testing.T) string {
	t.Helper()
	return p.s.sql(t, fmt.Sprintf("SELECT hex(subject) FROM events WHERE message_id = 'person-%d'", p.sent-1))
}

// rows counts what is stored under the pseudonym of the contact's first event, and
// lists the message ids.
func (p *person) rows(t *testing.T) (n int, ids []string) {
	t.Helper()
	for _, row := range p.s.rows(t, "SELECT message_id FROM events WHERE scope = 'person' AND subject IN (SELECT subject FROM events WHERE message_id = 'person-0') ORDER BY message_id") {
		ids = append(ids, row...)
	}
	ids = slices.DeleteFunc(ids, func(id string) bool { return id == "" })
	return len(ids), ids
}

// unchanged returns what is the same twice, two seconds apart.
func unchanged(t *testing.T, look func() string) (is string) {
	t.Helper()
	is = look()
	eventually(t, time.Minute, "nothing more that was received before", func() bool {
		was := is
		pause(t, 2*time.Second)
		is = look()
		return is == was
	})
	return is
}
