package collector

import (
	"fmt"
	"net/http"
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

// heldStage is a stage whose shop releases events, or does not.
func heldStage(tb testing.TB, releases bool) *stage {
	tb.Helper()
	s := newStage(tb)
	site, _ := s.deps.Sites.ByKey([]byte("pk_shop"))
	site.ReleaseUnset = releases
	return s
}

// heldBody is a beacon with one event that a page held.
func heldBody(released string) string {
	return fmt.Sprintf(`{"key":"pk_shop","events":[{"type":"track","name":"e","messageId":"m-held","released":%s}]}`, released)
}

var pageVisitor = [16]byte{7}

// visit sends a body as a page of the visitor whose cookie it has.
func (s *stage) visit(tb testing.TB, body string) Answer {
	tb.Helper()
	r := browser(RouteBeacon, body)
	return s.collect(tb, r.withCookies(map[string]string{cookie.Visitor: s.jar.SealVisitor("shop", pageVisitor, now)}))
}

func (s *stage) heldCount(tb testing.TB, fate string) float64 {
	tb.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "zgoda_collector_held_total" && m.GetLabel()[0].GetValue() == fate {
				return m.GetCounter().GetValue()
			}
		}
	}
	tb.Fatalf("no metric of %s", fate)
	return 0
}

// TestHeldEvents: what becomes of an event that was made before anybody had
// chosen, by what is on record of the visitor when it comes.
func TestHeldEvents(t *testing.T) {
	const both = `["analytics","profiling"]`
	for _, c := range []struct {
		name     string
		releases bool
		released string
		granted  []int // bits
		refused  []int
		scope    event.Scope
		flags    event.Flags
		fate     string
	}{
		{"released and granted", true, both, []int{1, 2}, nil, event.ScopePerson, event.FlagReleased, "released"},
		{"released for one of two that are granted", true, `["analytics"]`, []int{1, 2}, nil, event.ScopePeriod, event.FlagReleased, "released"},
		{"released for two, one is granted", true, both, []int{1}, nil, event.ScopePeriod, event.FlagReleased, "released"},
		{"a mark without a grant grants nothing", true, both, nil, nil, event.ScopeNone, 0, "denied"},
		{"a mark lifts no refusal", true, both, nil, []int{1, 2}, event.ScopeNone, 0, "denied"},
		{"a refusal of one", true, both, []int{1}, []int{2}, event.ScopePeriod, event.FlagReleased, "released"},
		{"granted elsewhere, not released here", true, `[]`, []int{1, 2}, nil, event.ScopeNone, 0, "not_released"},
		{"a purpose that is not there", true, `["other","` + `Analytics"]`, []int{1, 2}, nil, event.ScopeNone, 0, "denied"},
		{"a purpose that needs no grant", true, `["measurement"]`, []int{1, 2}, nil, event.ScopeNone, 0, "denied"},
		{"the site releases nothing", false, both, []int{1, 2}, nil, event.ScopeNone, 0, "off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := heldStage(t, c.releases)
			e := s.grant(event.KindVisitor, string(pageVisitor[:]), c.granted...)
			for _, bit := range c.refused {
				e.Record().Purposes[bit].Choice = consent.ChoiceRefused
			}
			if a := s.visit(t, heldBody(c.released)); a.Status != http.StatusOK || len(s.log.records) != 1 {
				t.Fatalf("%+v, %d records", a, len(s.log.records))
			}
			r := s.log.records[0]
			if r.Scope != c.scope || r.Flags != c.flags || r.MessageID != "m-held" {
				t.Errorf("scope %v, flags %d, id %s", r.Scope, r.Flags, r.MessageID)
			}
			if s.heldCount(t, c.fate) != 1 {
				t.Errorf("not counted as %s", c.fate)
			}
			s.balance(t)
		})
	}
}

// TestHeldEventsThatNothingAllows are dropped and counted, whatever the mark says.
func TestHeldEventsThatNothingAllows(t *testing.T) {
	for _, releases := range []bool{true, false} {
		s := heldStage(t, releases)
		e := s.grant(event.KindVisitor, string(pageVisitor[:]), 1)
		e.Record().Purposes[0].Choice = consent.ChoiceObjected
		e.Record().Purposes[1].Choice = consent.ChoiceWithdrawn
		a := s.visit(t, heldBody(`["measurement","analytics","profiling"]`))
		if a.Status != http.StatusOK || a.Dropped != 1 || len(s.log.records) != 0 || s.fates.dropped[event.ReasonConsent] != 1 {
			t.Errorf("%+v", a)
		}
		s.balance(t)
	}
}

// TestWhoMayRelease: a mark of a server, which has no page, releases nothing; on
// the routes of other SDKs there is no mark; a browser's signal refuses as ever.
func TestWhoMayRelease(t *testing.T) {
	s := heldStage(t, true)
	s.grant(event.KindVisitor, "v1", 1, 2)
	body := `{"events":[{"type":"track","name":"e","anonymousId":"v1","released":["profiling"]}]}`
	s.collect(t, server(RouteBeacon, body))
	s.collect(t, browser(RouteBeacon, body))
	s.collect(t, browser(RouteBeacon, body).withHeader("Sec-GPC", "1"))
	s.collect(t, browser(RouteTrack, `{"event":"e","anonymousId":"v1","released":["profiling"]}`))
	for i, want := range []struct {
		scope event.Scope
		flags event.Flags
	}{{event.ScopeNone, 0}, {event.ScopePerson, event.FlagReleased}, {event.ScopeNone, 0}, {event.ScopePerson, 0}} {
		if r := s.log.records[i]; r.Scope != want.scope || r.Flags != want.flags {
			t.Errorf("%d: scope %v, flags %d", i, r.Scope, r.Flags)
		}
	}
}

// TestMarkThatCannotBeRead refuses the event, and none beside it.
func TestMarkThatCannotBeRead(t *testing.T) {
	s := heldStage(t, true)
	s.grant(event.KindVisitor, string(pageVisitor[:]), 1)
	a := s.visit(t, `{"key":"pk_shop","events":[{"type":"track","name":"e","released":true},{"type":"track","name":"e"}]}`)
	if a.Status != http.StatusOK || a.Accepted != 1 || s.fates.refused[event.ReasonMalformed] != 1 {
		t.Errorf("%+v", a)
	}
	s.balance(t)
}

// TestHeldEventsAreExplained tells that the page held it, and why it is denied.
func TestHeldEventsAreExplained(t *testing.T) {
	s := heldStage(t, true)
	s.grant(event.KindVisitor, "v1", 1, 2)
	x, _ := s.Explain(t.Context(), browser(RouteAny, `{"events":[{"type":"track","name":"e","anonymousId":"v1","released":["analytics"]}]}`))
	if len(x.Events) != 1 || !x.Events[0].Held || !x.Events[0].Released || x.Events[0].Scope != "period" || !x.Events[0].Decision.Unset {
		t.Fatalf("%+v", x.Events)
	}
	for _, p := range x.Events[0].Decision.Purposes {
		if tooEarly := p.ID == "profiling"; (p.Why == "The event was made before anybody had chosen about the purpose, and no grant on its page released it, so it is denied.") != tooEarly {
			t.Errorf("%s: %s", p.ID, p.Why)
		}
	}
}

// TestHeldEventsAllocate: reading the mark costs nothing.
func TestHeldEventsAllocate(t *testing.T) {
	allocations := func(released string) float64 {
		c, r := hotPath(t)
		site, _ := c.deps.Sites.ByKey([]byte("pk_shop"))
		site.ReleaseUnset, r.Route = true, RouteBeacon
		r.Body = []byte(`{"key":"pk_shop","events":[{"type":"track","name":"e","anonymousId":"v","messageId":"m-3f2c9a7e"` + released + `}]}`)
		var a Answer
		run := func() {
			a.Reset()
			c.Collect(t.Context(), r, &a)
		}
		run()
		if a.Accepted != 1 {
			t.Fatalf("%+v", a)
		}
		return testing.AllocsPerRun(500, run)
	}
	if plain, held := allocations(""), allocations(`,"released":["analytics","profiling"]`); held > plain && !raceEnabled {
		t.Errorf("%v allocations, without the mark %v", held, plain)
	}
}
