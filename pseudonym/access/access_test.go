package access

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/role"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// clock is a time that a test sets.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func newClock() *clock { return &clock{at: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)} }

var gate, desk = role.Caller{Role: role.Pseudonymise, Name: "cert:gate-1"}, role.Caller{Role: role.Rights, Name: "cert:desk"}

// Every method that a server offers has its act, and nothing else has.
func TestEveryMethodHasAnAct(t *testing.T) {
	left := map[string]bool{}
	for method := range acts {
		left[method] = true
	}
	for _, service := range []struct {
		of   *grpc.ServiceDesc
		role role.Role
	}{
		{&keyholderpb.Pseudonymise_ServiceDesc, role.Pseudonymise},
		{&keyholderpb.Rights_ServiceDesc, role.Rights},
		{&keyholderpb.Cases_ServiceDesc, role.Rights},
		{&keyholderpb.Administer_ServiceDesc, role.Administrator},
		{&keyholderpb.Daily_ServiceDesc, role.Pseudonymise},
		{&keyholderpb.Health_ServiceDesc, role.None},
	} {
		for _, m := range methodsOf(service.of) {
			full := fmt.Sprintf("/%s/%s", service.of.ServiceName, m)
			a, ok := acts[full]
			if !ok || a.role != service.role && !a.bare {
				t.Errorf("%s: role %s, want %s", full, a.role, service.role)
			}
			delete(left, full)
		}
	}
	if len(left) > 0 {
		t.Errorf("acts of no method: %v", left)
	}
}

func TestQuota(t *testing.T) {
	c, set := newClock(), &meter.Set{}
	refused := set.Counter("q", "", "role", "limit")
	q := NewQuota(Limits{UnknownBurst: 1000, UnknownPerMinute: 60, MintsPerSecond: 100}, c.now, refused)
	steps := []struct {
		what            string
		wait            time.Duration
		who             role.Caller
		unknown, minted int
		ok              bool
	}{
		{"all at once", 0, gate, 1000, 0, true},
		{"one more", 0, gate, 1, 0, false},
		{"known ones go on", 0, gate, 0, 0, true},
		{"another caller has its own", 0, desk, 1000, 0, true},
		{"a second later one more", time.Second, gate, 1, 0, true},
		{"and no second one", 0, gate, 1, 0, false},
		{"a clock that went back gives nothing", -time.Hour, gate, 1, 0, false},
		{"nor when it comes again", time.Hour, gate, 1, 0, false},
		{"never more than the burst", 30 * 24 * time.Hour, gate, 1001, 0, false},
		{"but that", 0, gate, 1000, 0, true},
		{"mints: two seconds' worth", 0, gate, 0, 200, true},
		{"and no more", 0, gate, 0, 1, false},
	}
	for _, s := range steps {
		c.at = c.at.Add(s.wait)
		if err := q.Take(s.who, s.unknown, s.minted); (err == nil) != s.ok {
			t.Errorf("%s: %v", s.what, err)
		}
	}
	if got := refused.At("pseudonymise", "unknown").Load(); got != 5 {
		t.Errorf("%d refusals counted", got)
	}
}

func TestErasuresQuota(t *testing.T) {
	c, set := newClock(), &meter.Set{}
	refused := set.Counter("refused", "", "role", "limit")
	l := DefaultLimits()
	l.ErasuresPerHour = 10
	q := NewQuota(l, c.now, refused)
	for _, s := range []struct {
		what string
		wait time.Duration
		who  role.Caller
		n    int
		ok   bool
	}{
		{"some", 0, desk, 8, true},
		{"more than are left", 0, desk, 3, false},
		{"another caller", 0, gate, 10, true},
		{"what came back", 6 * time.Minute, desk, 3, true},
		{"more than an hour's share while some is used", 30 * time.Minute, desk, 1000, false},
		{"and when none is", time.Hour, desk, 1000, true},
		{"then nothing", 0, desk, 1, false},
	} {
		c.at = c.at.Add(s.wait)
		if err := q.TakeErasures(s.who, s.n); (err == nil) != s.ok {
			t.Errorf("%s: %v", s.what, err)
		}
	}
	if got := refused.At("rights", "erasures").Load(); got != 3 {
		t.Errorf("%d refusals counted", got)
	}
	l.ErasuresPerHour = 0
	if err := NewQuota(l, c.now, refused).TakeErasures(desk, 1_000_000); err != nil {
		t.Errorf("without a limit: %v", err)
	}
}

func TestBucketsForgetWhoRested(t *testing.T) {
	c := newClock()
	b := newBuckets(10, 1)
	for i := range maxCallers {
		b.take(role.Caller{Name: fmt.Sprint(i)}, 5, c.at)
	}
	b.take(gate, 10, c.at)
	if b.take(gate, 1, c.at) {
		t.Error("a caller in need was forgotten")
	}
	c.at = c.at.Add(6 * time.Second)
	b.take(role.Caller{Name: "new"}, 1, c.at)
	if len(b.of) > 2 || b.take(gate, 7, c.at) {
		t.Errorf("%d callers are kept", len(b.of))
	}
}

func TestReplay(t *testing.T) {
	c := newClock()
	r := NewReplay(c.now)
	c.at = c.at.Add(10 * time.Minute)
	for _, s := range []struct {
		what string
		wait time.Duration
		id   byte
		age  time.Duration // before now
		ok   bool
	}{
		{"fresh", 0, 1, 0, true},
		{"again", 0, 1, 0, false},
		{"again with another time", 0, 1, time.Minute, false},
		{"old", 0, 2, Window + time.Millisecond, false},
		{"just not old", 0, 3, Window, true},
		{"of the future", 0, 4, -Window - time.Millisecond, false},
		{"of the near future", 0, 5, -Window, true},
		{"that one, when its time has come", 2 * Window, 5, Window, false},
		{"and at its very end", time.Millisecond, 5, Window + time.Millisecond, false},
	} {
		c.at = c.at.Add(s.wait)
		if got := r.Fresh([16]byte{s.id}, c.at.Add(-s.age)); got != s.ok {
			t.Errorf("%s: %v", s.what, got)
		}
	}
	if len(r.seen) != len(r.old) || len(r.seen) > 1 {
		t.Errorf("%d ids, %d in order", len(r.seen), len(r.old))
	}
	// A guard that began after a request was made cannot know whether it was seen.
	again := NewReplay(c.now)
	if again.Fresh([16]byte{9}, c.at.Add(-time.Second)) || !again.Fresh([16]byte{9}, c.at) {
		t.Error("a restart forgets what was seen")
	}
}

func TestReplayFull(t *testing.T) {
	c := newClock()
	r := NewReplay(c.now)
	for i := range maxSeen {
		if !r.Fresh([16]byte{byte(i), byte(i >> 8), 1}, c.at) {
			t.Fatal("refused too early")
		}
	}
	if r.Fresh([16]byte{2, 2, 2}, c.at) {
		t.Error("what cannot be remembered was let through")
	}
	c.at = c.at.Add(3 * Window)
	if !r.Fresh([16]byte{2, 2, 2}, c.at) {
		t.Error("the room did not come back")
	}
}

func TestReveals(t *testing.T) {
	c := newClock()
	r := NewReveals(2, c.now)
	ask := func(actor, what string, approval []byte) ([]byte, error) {
		return r.ask(desk, actor, "request 7", what, approval)
	}
	for range 2 {
		if needed, err := ask("op-1", "a", nil); err != nil || needed != nil {
			t.Fatal(needed, err)
		}
	}
	id, err := ask("op-1", "a", nil)
	if err != nil || len(id) != 16 {
		t.Fatal(id, err)
	}
	if again, err := ask("op-1", "a", nil); err != nil || string(again) != string(id) {
		t.Error("asked twice, two approvals")
	}
	check := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) || (err == nil) != (want == nil) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err = ask("op-1", "a", id)
	check("not approved yet", err, ErrApproval)
	check("by the same person", r.Approve(id, " OP-1 "), ErrSamePerson)
	check("of nothing", r.Approve([]byte("no"), "op-2"), ErrApproval)
	check("by a second person", r.Approve(id, "op-2"), nil)
	_, err = ask("op-2", "a", id)
	check("another actor", err, ErrApproval)
	_, err = ask("op-1", "b", id)
	check("another contact", err, ErrApproval)
	_, err = r.ask(role.Caller{Role: role.Rights, Name: "cert:other"}, "op-1", "", "a", id)
	check("another caller", err, ErrApproval)
	if w := r.Waiting(); len(w) != 1 || !w[0].Approved || w[0].Actor != "op-1" || w[0].Reason != "request 7" {
		t.Errorf("waiting: %+v", w)
	}
	_, err = ask("op-1", "a", id)
	check("approved", err, nil)
	_, err = ask("op-1", "a", id)
	check("a second time", err, ErrApproval)

	id, _ = ask("op-1", "c", nil)
	c.at = c.at.Add(approveWithin)
	check("too late", r.Approve(id, "op-2"), ErrApproval)
	c.at = c.at.Add(2 * time.Hour)
	if needed, err := ask("op-1", "d", nil); err != nil || needed != nil {
		t.Errorf("after the hour: %v", err)
	}
	_, _ = ask("op-1", "d", nil)
	for i := range maxWaiting {
		_, err = ask("op-1", fmt.Sprint("x", i), nil)
		check("many", err, nil)
	}
	_, err = ask("op-1", "one more", nil)
	check("too many", err, ErrCrowded)
}

// TestRevealsOfDocuments: the documents of who was shown as a whole do not count, for
// that caller and actor and for a quarter of an hour.
func TestRevealsOfDocuments(t *testing.T) {
	c := newClock()
	r := NewReveals(2, c.now)
	one, other := strings.Repeat("1", refBytes), strings.Repeat("2", refBytes)
	passes := func(actor, what string) bool {
		needed, err := r.ask(desk, actor, "request 7", what, nil)
		if err != nil {
			t.Fatal(err)
		}
		return needed == nil
	}
	if !passes("op-1", one) || !passes("op-1", other+"a document") { // both count: the second was not shown before
		t.Fatal("below the limit, and refused")
	}
	for i := range 100 {
		if !passes("op-1", one+fmt.Sprint("document ", i)) {
			t.Fatal("a document of who was shown counts")
		}
	}
	if passes("op-2", one+"document 1") || passes("op-1", other+"another") || passes("op-1", one) {
		t.Error("another actor, another contact, or the contact again went through above the limit")
	}
	c.at = c.at.Add(approveWithin)
	if passes("op-1", one+"document 1") {
		t.Error("a document went through long after")
	}
}

func TestCheckCall(t *testing.T) {
	good := func() *keyholderpb.Call {
		return &keyholderpb.Call{Id: make([]byte, 16), At: 1, Actor: "op-3", Reason: "objection of 2026-11-22, ticket 4711"}
	}
	if err := checkCall(good(), true); err != nil {
		t.Error(err)
	}
	for what, change := range map[string]func(*keyholderpb.Call){
		"no id":            func(c *keyholderpb.Call) { c.Id = nil },
		"a short id":       func(c *keyholderpb.Call) { c.Id = c.Id[:15] },
		"no time":          func(c *keyholderpb.Call) { c.At = 0 },
		"nobody":           func(c *keyholderpb.Call) { c.Actor = " " },
		"a long name":      func(c *keyholderpb.Call) { c.Actor = strings.Repeat("a", 65) },
		"a line break":     func(c *keyholderpb.Call) { c.Actor = "a\nb" },
		"no reason":        func(c *keyholderpb.Call) { c.Reason = "\t" },
		"a long reason":    func(c *keyholderpb.Call) { c.Reason = strings.Repeat("a", 201) },
		"a mail address":   func(c *keyholderpb.Call) { c.Reason = "jana@example.org asked" },
		"a phone number":   func(c *keyholderpb.Call) { c.Reason = "call +421 (905) 123-456" },
		"a number of many": func(c *keyholderpb.Call) { c.Reason = "card 4111111111111111" },
	} {
		c := good()
		change(c)
		if checkCall(c, true) == nil {
			t.Errorf("%s passed", what)
		}
	}
	named := good()
	named.Reason = "Art. 19: r_d24141307xyzabcdefghjkmnpq"
	if checkCall(named, true) != nil {
		t.Error("the id of a request was taken for a telephone number")
	}
	if checkCall(nil, false) == nil {
		t.Error("no call at all passed")
	}
}

func FuzzPersonal(f *testing.F) {
	f.Add("call 0905 123 456")
	f.Fuzz(func(t *testing.T, text string) {
		if Personal(text) != Personal(text+" x") || !Personal(text+"a@b") {
			t.Fatal("what follows changes it, or a mail address passes")
		}
	})
}

func methodsOf(d *grpc.ServiceDesc) (list []string) {
	for _, m := range d.Methods {
		list = append(list, m.MethodName)
	}
	for _, s := range d.Streams {
		list = append(list, s.StreamName)
	}
	return list
}
