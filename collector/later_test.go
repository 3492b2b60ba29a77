package collector

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/later"
	"zgoda/pseudonym/sealed"
	"zgoda/spool"
	"zgoda/subjects"
)

// TestStrangersWait: while the keyholder is away, what is about strangers waits and
// is acknowledged, what is about known people goes on, and neither tells which.
func TestStrangersWait(t *testing.T) {
	s := newLaterStage(t)
	s.grant(event.KindVisitor, "v1", 1, 2)
	s.grant(event.KindVisitor, "known", 1, 2)
	s.queue.known[h1(event.KindVisitor, "known")] = true
	body := `{"batch":[{"type":"track","event":"a","anonymousId":"v1","properties":{"sku":"A","other":1}},{"type":"track","event":"b","anonymousId":"known"},{"type":"track"}]}`
	a := s.collect(t, browser(RouteBatch, body))
	if a.Status != 200 || a.Accepted != 2 || len(s.log.records) != 1 || s.log.records[0].Name != "b" || s.queue.waits != 1 {
		t.Fatalf("%+v, %d stored", a, len(s.log.records))
	}
	other := newStage(t)
	if b := other.collect(t, browser(RouteBatch, body)); string(a.Decision) != string(b.Decision) {
		t.Errorf("the answer tells that somebody waits: %q, else %q", a.Decision, b.Decision)
	}
	s.comeBack()
	if got := s.resume(t, 1); got[0] != event.ReasonNone {
		t.Fatal(got)
	}
	r := s.log.records[1]
	if r.Scope != event.ScopePerson || r.Name != "a" || r.Properties != `{"sku":"A","other":1}` || !r.ReceivedAt.Equal(now) || r.Subject != s.people.person(h1(event.KindVisitor, "v1")).Handles.Profiling {
		t.Errorf("%+v", r)
	}
}

// TestServerIsToldLater: the answer to a secret key does not claim a decision.
func TestServerIsToldLater(t *testing.T) {
	s := newLaterStage(t)
	a := s.collect(t, server(RouteTrack, `{"event":"e","userId":"u1","consent":{"profiling":true}}`))
	if a.Status != 200 || string(a.Decision) != "measurement; by=later, analytics; by=later, profiling; by=later" {
		t.Errorf("%d %q", a.Status, a.Decision)
	}
}

// TestNothingWaitsInClear: no identifier, and no hash of one, is in what waits.
func TestNothingWaitsInClear(t *testing.T) {
	s := newLaterStage(t)
	s.collect(t, server(RouteIdentify, `{"userId":"`+canary+`","anonymousId":"`+canary+`-v","messageId":"m","traits":{"email":"`+canary+`@x.example"}}`))
	if len(s.queue.records) != 1 {
		t.Fatalf("%d wait", len(s.queue.records))
	}
	rec := string(s.queue.records[0])
	if strings.Contains(rec, canary) {
		t.Error("an identifier waits in clear")
	}
	for _, h := range []event.Blinded{h1(event.KindUserID, canary), h1(event.KindVisitor, canary+"-v"), h1(event.KindEmail, canary+"@x.example")} {
		if strings.Contains(rec, string(h[:])) {
			t.Error("a blinded identifier waits in clear")
		}
	}
}

// TestWhatWaitsIsRefused: without room, without a key and for a failing disk.
func TestWhatWaitsIsRefused(t *testing.T) {
	for _, c := range []struct {
		name   string
		do     func(s *laterStage)
		reason event.Reason
	}{
		{"full", func(s *laterStage) { s.queue.putErr = spool.ErrFull }, event.ReasonSealedFull},
		{"disk", func(s *laterStage) { s.queue.putErr = spool.ErrFailed }, event.ReasonSpoolFailed},
		{"no key", func(s *laterStage) { s.deps.Later.Sealer = &sealed.Sealer{} }, event.ReasonKeyholderAway},
		{"control store", func(s *laterStage) { s.people.loadErr = subjects.ErrControlAway }, event.ReasonControlAway},
	} {
		s := newLaterStage(t)
		c.do(s)
		a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
		if a.Status != 503 || a.RetryAfter == 0 || s.fates.refused[c.reason] != 1 || a.Problem.Title == "" {
			t.Errorf("%s: %+v %v", c.name, a, s.fates.refused)
		}
		s.balance(t)
	}
}

// TestRuledOutDoesNotWait: what its own signals rule out for anybody is dropped at
// once, and nothing of it is kept.
func TestRuledOutDoesNotWait(t *testing.T) {
	s := newLaterStage(t)
	a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1","consent":{"measurement":false,"analytics":false,"profiling":false}}`))
	if a.Status != 200 || a.Dropped != 1 || len(s.queue.records) != 0 || s.fates.dropped[event.ReasonConsent] != 1 {
		t.Errorf("%+v, %d wait", a, len(s.queue.records))
	}
	s.balance(t)
	// GPC leaves measurement: its properties are not even kept.
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1","properties":{"sku":"A"},"consent":{"analytics":false}}`).withHeader("Sec-GPC", "1"))
	e, err := later.Read(s.queue.records[0])
	if err != nil || e.Person != "" || e.Period != "" {
		t.Errorf("%v: %q %q", err, e.Person, e.Period)
	}
}

// TestChangesWhileItWaited: every refusal up to the decision holds, and no grant
// counts that was not on record when the event came.
func TestChangesWhileItWaited(t *testing.T) {
	v := h1(event.KindVisitor, "v1")
	change := func(s *laterStage, states ...ledger.State) {
		for i, state := range states {
			s.queue.since[handle(v, 'c')] = append(s.queue.since[handle(v, 'c')], ledger.Entry{State: state, Purpose: "profiling", Sequence: event.Sequence(101 + i)})
		}
	}
	body := `{"event":"e","anonymousId":"v1","properties":{"sku":"A"}}`
	for _, c := range []struct {
		name  string
		do    func(s *laterStage, e *consent.Record)
		scope event.Scope
		drop  event.Reason
	}{
		{"nothing", func(*laterStage, *consent.Record) {}, event.ScopePerson, 0},
		{"a change before", func(s *laterStage, _ *consent.Record) { s.at = 101; change(s, ledger.StateGiven) }, event.ScopePerson, 0},
		{"a grant since", func(s *laterStage, _ *consent.Record) { change(s, ledger.StateGiven) }, event.ScopePeriod, 0},
		{"a grant renewed since", func(s *laterStage, _ *consent.Record) { change(s, ledger.StateRenewed) }, event.ScopePeriod, 0},
		{"a refusal since", func(s *laterStage, r *consent.Record) {
			change(s, ledger.StateWithdrawn)
			r.Purposes[2].Choice, r.Purposes[1].Choice = consent.ChoiceWithdrawn, consent.ChoiceWithdrawn
		}, event.ScopeNone, 0},
		{"the switch lifted since", func(s *laterStage, _ *consent.Record) { change(s, ledger.StateProfilingOff, ledger.StateProfilingOn) }, event.ScopePeriod, 0},
		{"restricted since", func(_ *laterStage, r *consent.Record) { r.State = consent.StateRestricted }, 0, event.ReasonRestricted},
		{"restriction lifted since", func(s *laterStage, _ *consent.Record) { change(s, ledger.StateRestricted, ledger.StateUnrestricted) }, 0, event.ReasonRestricted},
		{"erased since", func(_ *laterStage, r *consent.Record) { r.State = consent.StateErased }, 0, event.ReasonErased},
		{"too many changes", func(s *laterStage, _ *consent.Record) { change(s, make([]ledger.State, mostChanges)...) }, 0, event.ReasonRestricted},
	} {
		s := newLaterStage(t)
		record := s.grant(event.KindVisitor, "v1", 1, 2).Record()
		if c.name == "a change before" {
			c.do(s, record)
		}
		s.collect(t, browser(RouteTrack, body))
		s.comeBack()
		if c.name != "a change before" {
			c.do(s, record)
		}
		got := s.resume(t, 1)
		if got[0] != c.drop || (c.drop == 0) != (len(s.log.records) == 1) {
			t.Errorf("%s: %v, %d stored", c.name, got, len(s.log.records))
			continue
		}
		if c.drop == 0 && s.log.records[0].Scope != c.scope {
			t.Errorf("%s: stored as %v, want %v", c.name, s.log.records[0].Scope, c.scope)
		}
	}
}

// TestTheRequestsOwnSignals: they decide as they would have at once.
func TestTheRequestsOwnSignals(t *testing.T) {
	for _, c := range []struct {
		name  string
		r     *Request
		bits  []int
		scope event.Scope
	}{
		{"gpc", browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`).withHeader("Sec-GPC", "1"), []int{2}, event.ScopeNone},
		{"a grant", browser(RouteTrack, `{"event":"e","anonymousId":"v1","consent":{"analytics":true}}`), nil, event.ScopePeriod},
		{"no origin", func() *Request {
			r := browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`)
			r.Origin = nil
			return r
		}(), []int{1, 2}, event.ScopeNone},
		{"unreadable", browser(RouteTrack, `{"event":"e","anonymousId":"v1","consent":7}`), []int{1, 2}, event.ScopeNone},
	} {
		live, s := newStage(t), newLaterStage(t)
		for _, x := range []*stage{live, s.stage} {
			x.grant(event.KindVisitor, "v1", c.bits...)
			x.collect(t, c.r)
		}
		s.comeBack()
		if got := s.resume(t, 1); got[0] != event.ReasonNone || s.log.records[0].Scope != c.scope || live.log.records[0].Scope != c.scope {
			t.Errorf("%s: %v, %v at once and %v later, want %v", c.name, got, live.log.records[0].Scope, s.log.records[0].Scope, c.scope)
		}
	}
}

// TestLinksAreReplayed: identifiers that could not be linked are, before the event
// is decided.
func TestLinksAreReplayed(t *testing.T) {
	s := newLaterStage(t)
	s.collect(t, server(RouteIdentify, `{"userId":"u1","anonymousId":"v1","traits":{"email":"a@x.example"}}`))
	s.comeBack()
	s.people.links = nil
	s.resume(t, 1)
	want := fmt.Sprintf("user_id:%x email:%x visitor:%x", first4(h1(event.KindUserID, "u1")), first4(h1(event.KindEmail, "a@x.example")), first4(h1(event.KindVisitor, "v1")))
	if len(s.people.links) != 1 || s.people.links[0] != want {
		t.Errorf("linked %v, want %s", s.people.links, want)
	}
}

func first4(b event.Blinded) []byte { return b[:4] }

// TestAnotherMonth: an analytics pseudonym of another month is not put on the event.
func TestAnotherMonth(t *testing.T) {
	s := newLaterStage(t)
	e := s.grant(event.KindVisitor, "v1", 1)
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	s.comeBack()
	e.Handles.Period++
	if got := s.resume(t, 1); got[0] != event.ReasonNone || s.log.records[0].Scope != event.ScopeNone {
		t.Errorf("%v %+v", got, s.log.records)
	}
}

// TestTriesAgain: what passes is tried again, what does not is for the quarantine,
// and a site that is gone permits nothing.
func TestTriesAgain(t *testing.T) {
	s := newLaterStage(t)
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	rec := s.queue.records[0]
	if _, err := s.resumeOne(t, rec); !errors.Is(err, subjects.ErrKeyholderAway) || errors.Is(err, later.ErrNever) {
		t.Errorf("away: %v", err)
	}
	s.comeBack()
	s.queue.err = errors.New("the store is away")
	if _, err := s.resumeOne(t, rec); !errors.Is(err, subjects.ErrControlAway) {
		t.Errorf("no history: %v", err)
	}
	s.queue.err, s.log.putErr = nil, spool.ErrFull
	if _, err := s.resumeOne(t, rec); !errors.Is(err, spool.ErrFull) || errors.Is(err, later.ErrNever) {
		t.Errorf("full: %v", err)
	}
	s.log.putErr, s.people.stale = nil, 2
	if out, err := s.resumeOne(t, rec); err != nil || out.Reason != event.ReasonNone || len(s.log.records) != 1 {
		t.Errorf("overtaken twice: %v %v", out.Reason, err)
	}
	e, err := later.Read(rec)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Resume(t.Context(), e, nil); !errors.Is(err, later.ErrNever) {
		t.Errorf("nobody: %v", err)
	}
	e.Raw.Site = "gone"
	if out, err := s.Resume(t.Context(), e, nil); err != nil || out.Reason != event.ReasonConsent {
		t.Errorf("a site that is gone: %v %v", out.Reason, err)
	}
}

// TestOneAsks: while the keyholder is known to be away, requests do not wait to find
// it out again, but for one at a time.
func TestOneAsks(t *testing.T) {
	s := newLaterStage(t)
	for range 20 {
		s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	}
	if n := len(s.people.loads); n == 0 || n > 10 {
		t.Errorf("the keyholder was asked %d times by 20 requests", n)
	}
	s.comeBack()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	late := time.After(10 * time.Second)
	for !s.away.there() {
		select {
		case <-tick.C:
		case <-late:
			t.Fatal("that it is back is never found out")
		}
		s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`))
	}
	if len(s.log.records) == 0 {
		t.Error("what found it out was not stored")
	}
}

// TestAnybodysKey: a sealer that is given nonsense seals nothing.
func TestAnybodysKey(t *testing.T) {
	s := newLaterStage(t)
	broken := &sealed.Sealer{}
	broken.Set([]byte("short"), 1)
	s.deps.Later.Sealer = broken
	if a := s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1"}`)); a.Status != 503 || len(s.queue.records) != 0 {
		t.Errorf("%+v", a)
	}
	s.balance(t)
}
