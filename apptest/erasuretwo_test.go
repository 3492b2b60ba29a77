package apptest

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// erasers are two gateways that share everything but their disks, with people to be
// forgotten.
type erasers struct {
	*shared
	a, b *eraser
}

func startErasers(t *testing.T) *erasers {
	t.Helper()
	config, secret := controllerSite(t)
	text, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	sites := strings.Replace(string(text), "secret_file: shop.secret", fmt.Sprintf("secret_file: %q", filepath.Join(filepath.Dir(config), "shop.secret")), 1)
	s := startShared(t, sites+"rights: {gather: 1s}\n")
	return &erasers{s, &eraser{s.a, secret}, &eraser{s.b, secret}}
}

// subjects are the pseudonyms that somebody's rows have, and how many rows have one of
// those that are given.
func (e *eraser) subjects(t *testing.T, user string) []string {
	t.Helper()
	return strings.Fields(e.sql(t, "SELECT DISTINCT hex(subject) FROM zgoda.events WHERE name = 'of "+user+"' AND scope != 'none'"))
}

// under counts the rows of all tables that have one of some pseudonyms.
func (e *eraser) under(t *testing.T, pseudonyms []string) int {
	t.Helper()
	if len(pseudonyms) == 0 {
		t.Fatal("no pseudonyms to look for")
	}
	in := " IN ('" + strings.Join(pseudonyms, "','") + "')"
	n, err := strconv.Atoi(e.sql(t, "SELECT (SELECT count() FROM zgoda.events WHERE hex(subject)"+in+" OR hex(visitor)"+in+") + (SELECT count() FROM zgoda.links WHERE hex(subject)"+in+" OR hex(visitor)"+in+") SETTINGS apply_deleted_mask = 0"))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// kill ends a gateway as a crash does.
func (e *eraser) kill() {
	_ = e.cmd.Process.Kill()
	<-e.ended
}

// leads says whether this gateway was the last one to lead erasures, of what it printed.
func (e *eraser) leads() bool {
	log := e.log.String()
	return strings.LastIndex(log, "this node leads erasures") > max(strings.LastIndex(log, "does not lead erasures any more"), strings.LastIndex(log, "ready public="))
}

// TestErasureTwoNodes: two gateways take a person's events, and either may be away,
// slow or killed: nothing is taken away before both have said that nothing waits
// there, and nothing of the person is left at either in the end.
func TestErasureTwoNodes(t *testing.T) {
	t.Parallel()
	e := startErasers(t)
	e.b.identify(t, "petr", "kiosk")
	for i, g := range []*eraser{e.a, e.b} {
		g.identify(t, "jana", "phone")
		g.events(t, "jana", "phone", 5)
		g.events(t, "petr", "kiosk", 10)
		g.events(t, "ota", "", 4)
		g.events(t, "lida", "", 3)
		g.anonymous(t, "phone", i+1)
	}
	for user, n := range map[string]int{"jana": 10, "petr": 20, "ota": 8, "lida": 6, "phone": 3} {
		e.a.stored(t, user, n)
	}
	petr := 20
	t.Run("killed during the fence", func(t *testing.T) { petr += fencedWithoutOne(t, e) })
	t.Run("the leader is killed", func(t *testing.T) { leaderKilled(t, e) })
	t.Run("gone for good", func(t *testing.T) { goneForGood(t, e) })
	if n := e.a.count(t, "zgoda.events", "petr"); n != petr {
		t.Errorf("%d rows of a neighbour are left, not %d", n, petr)
	}
	e.a.settled(t, time.Minute)
	e.b.settled(t, time.Minute)
}

// fencedWithoutOne: the second gateway cannot store what it took, and is killed. The
// erasure says for whom it waits, and goes on once it is there again. It returns how
// many events it sent of a neighbour.
func fencedWithoutOne(t *testing.T, e *erasers) int {
	t.Helper()
	old := append(e.a.subjects(t, "jana"), e.a.subjects(t, "phone")...)
	e.clickhouse.Cut()
	next := time.Now().AddDate(1, 0, 0).UTC().Format(time.RFC3339)
	e.b.events(t, "jana", "phone", 4)
	e.b.events(t, "jana", "", 2, fmt.Sprintf(`,"timestamp":%q`, next))
	e.b.events(t, "petr", "kiosk", 3)
	id := e.a.forget(t, "user_id:jana")
	for _, g := range []*eraser{e.a, e.b} { // while it is under way
		g.events(t, "jana", "phone", 2)
		g.anonymous(t, "phone", 1)
	}
	for _, user := range []string{"jana", "phone"} {
		if n := e.a.count(t, "zgoda.visible_events", user); n != 0 {
			t.Errorf("%d rows of %s are visible after she was accepted", n, user)
		}
	}
	e.b.kill()
	eventually(t, 2*time.Minute, "whom it waits for", func() bool { return strings.Contains(e.a.request(t, id).Error, "the node gate-b ") })
	if r := e.a.request(t, id); r.State != "in_progress" || r.Step != "fenced" || e.a.under(t, old) == 0 {
		t.Errorf("it goes on without the other: %+v", r)
	}
	e.clickhouse.Mend()
	e.b.start(t, host(t, e.b.public))
	body := e.a.complete(t, id)
	if body.Nodes != 2 || body.Tables[0].Before < 10 || body.Tables[0].After != 0 || !body.Keys.Salt {
		t.Errorf("the certificate says %+v", body)
	}
	e.b.settled(t, time.Minute)
	if n := e.a.under(t, old) + e.a.count(t, "zgoda.events", "jana") + e.a.count(t, "zgoda.events", "phone"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	e.returns(t, "jana", old)
	return 3
}

// returns: at neither gateway is somebody the one who was forgotten, and what comes
// too late is dropped, also by a clock that is a year ahead.
func (e *erasers) returns(t *testing.T, user string, old []string) {
	t.Helper()
	at := func(d time.Duration, years int) string {
		return time.Now().Add(d).AddDate(years, 0, 0).UTC().Format(time.RFC3339)
	}
	for _, g := range []*eraser{e.a, e.b} {
		g.events(t, user, "", 2, fmt.Sprintf(`,"timestamp":%q,"sentAt":%q`, at(-24*time.Hour, 0), at(0, 0)))
		g.events(t, user, "", 2, fmt.Sprintf(`,"timestamp":%q,"sentAt":%q`, at(-24*time.Hour, 1), at(0, 1)))
		g.events(t, user, "", 1)
		g.settled(t, time.Minute)
	}
	e.a.stored(t, user, 2)
	if now := e.a.subjects(t, user); len(now) != 1 || e.a.under(t, old) != 0 {
		t.Errorf("who comes back has %d pseudonyms, and %d rows are under an old one", len(now), e.a.under(t, old))
	}
}

// leaderKilled: whoever leads the erasure is killed in its midst, and the other one
// carries it out.
func leaderKilled(t *testing.T, e *erasers) {
	t.Helper()
	old := e.a.subjects(t, "ota")
	leader, other := e.a, e.b
	if e.b.leads() {
		leader, other = other, leader
	}
	id := other.forget(t, "user_id:ota")
	eventually(t, 2*time.Minute, "rows are taken away", func() bool { return !slices.Contains([]string{"accepted", "fenced"}, other.request(t, id).Step) })
	leader.kill()
	t.Logf("the leader was killed at %s", other.request(t, id).Step)
	body := other.complete(t, id)
	if body.Nodes != 2 || body.Tables[0].Before != 8 {
		t.Errorf("the certificate says %+v", body)
	}
	if !other.leads() {
		t.Error("the other one does not lead")
	}
	if n := other.under(t, old) + other.count(t, "zgoda.events", "ota"); n != 0 {
		t.Errorf("%d rows are left", n)
	}
	leader.start(t, host(t, leader.public))
	e.returns(t, "ota", old)
}

// goneForGood: a gateway is killed with records on its disk, and declared gone. The
// erasure goes on without it, and it does not start again with them.
func goneForGood(t *testing.T, e *erasers) {
	t.Helper()
	old := e.a.subjects(t, "lida")
	e.clickhouse.Cut()
	e.b.events(t, "lida", "", 3)
	e.b.events(t, "petr", "kiosk", 2) // lost with its disk
	e.b.kill()
	id := e.a.forget(t, "user_id:lida")
	e.a.done(t, "", onPage(t, "ZgodaErasureLate", "NODE", "gate-b")...)
	body := e.a.complete(t, id)
	if body.Nodes != 1 || e.a.under(t, old) != 0 || e.a.count(t, "zgoda.events", "lida") != 0 {
		t.Errorf("%d rows are left, and the certificate says %+v", e.a.under(t, old), body)
	}
	e.clickhouse.Mend()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, e.b.program("zgoda"), append(e.b.command, "--public", "127.0.0.1:0")...).CombinedOutput()
	if err == nil || ctx.Err() != nil || !strings.Contains(string(out), "declared gone") {
		t.Fatalf("it starts with what is on its disk: %v %s", err, tail(string(out), 2000))
	}
	for _, folder := range []string{"spool", "later", "said", "journal"} {
		if err := os.RemoveAll(filepath.Join(e.b.data, folder)); err != nil {
			t.Fatal(err)
		}
	}
	e.b.start(t, host(t, e.b.public))
	e.returns(t, "lida", old)
}
