package collector

import (
	"context"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"zgoda/collector/dryrun"
	"zgoda/collector/reasons"
	"zgoda/consent"
	"zgoda/event"
)

// watched is a stage whose decisions are watched: with a ring of reasons, and
// with a candidate for the shop where one is given.
func watched(tb testing.TB, candidate *consent.Policy, special SpecialData) (*stage, *dryrun.Trial, *reasons.Ring) {
	tb.Helper()
	s := newStage(tb)
	ring, err := reasons.New(reasons.DefaultConfig())
	if err != nil {
		tb.Fatal(err)
	}
	deps := s.deps
	deps.Reasons, deps.Registerer = ring, nil
	var trial *dryrun.Trial
	if candidate != nil {
		live := testPolicy("shop")
		if trial, err = dryrun.New(live, candidate, now); err != nil {
			tb.Fatal(err)
		}
		deps.Sites, err = NewSites([]Site{{
			ID: "shop", PublicKeys: []string{"pk_shop"}, Secret: Secret(secretKey), Origins: []string{"https://shop.example"}, Policy: live,
			Candidate: &Candidate{Trial: trial, Special: special},
		}})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if s.Collector, err = New(DefaultConfig(), deps); err != nil {
		tb.Fatal(err)
	}
	return s, trial, ring
}

func candidatePolicy(change func(*consent.Policy)) *consent.Policy {
	p := testPolicy("shop")
	p.Revision = 99
	change(p)
	return p
}

func reported(t *testing.T, trial *dryrun.Trial, purpose string) dryrun.PurposeReport {
	t.Helper()
	for _, p := range trial.Report().Purposes {
		if p.Purpose == purpose {
			return p
		}
	}
	t.Fatalf("no purpose %s", purpose)
	return dryrun.PurposeReport{}
}

// A candidate that lets GPC refuse analytics: what is stored and answered stays
// as it is without one, and the difference is counted.
func TestACandidateChangesNothing(t *testing.T) {
	stricter := candidatePolicy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse })
	s, trial, _ := watched(t, stricter, SpecialData{})
	alone, _, _ := watched(t, nil, SpecialData{})
	const body = `{"type":"track","event":"View","anonymousId":"v-1","messageId":"m-1"}`
	for _, st := range []*stage{s, alone} {
		st.grant(event.KindVisitor, "v-1", 1)
	}
	for range 3 {
		got := s.collect(t, browser(RouteTrack, body).withHeader("Sec-GPC", "1"))
		want := alone.collect(t, browser(RouteTrack, body).withHeader("Sec-GPC", "1"))
		if string(got.Decision) != string(want.Decision) || got.Status != want.Status || got.Accepted != want.Accepted {
			t.Errorf("answered %q, without a candidate %q", got.Decision, want.Decision)
		}
	}
	s.collect(t, browser(RouteTrack, body))
	if len(s.log.records) != 4 || s.log.records[0].Scope != event.ScopePeriod || s.log.records[0].Purposes != alone.log.records[0].Purposes {
		t.Errorf("%d records, the first of scope %v", len(s.log.records), s.log.records[0].Scope)
	}
	if p := reported(t, trial, "analytics"); p.Lost != 3 || p.Won != 0 || p.Pairs[0].LiveBy != "ledger" || p.Pairs[0].CandidateBy != "gpc" {
		t.Errorf("%+v", p)
	}
	if r := trial.Report(); r.Events != 4 || r.Differ != 3 {
		t.Errorf("%d of %d differ", r.Differ, r.Events)
	}
}

// The candidate reads the request by its own categories, beside the events of a
// batch too.
func TestACandidateReadsByItsOwnMappings(t *testing.T) {
	mapped := candidatePolicy(func(p *consent.Policy) {
		p.Categories = consent.Categories(map[string]event.PurposeID{"Advertising": "profiling"})
	})
	s, trial, _ := watched(t, mapped, SpecialData{})
	s.grant(event.KindVisitor, "v-1", 1, 2)
	const prefs = `"consent":{"categoryPreferences":{"Advertising":false}}`
	s.collect(t, browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"v-1","context":{`+prefs+`}}`))
	s.collect(t, browser(RouteBatch, `{"batch":[{"type":"track","event":"View","anonymousId":"v-1"},{"type":"track","event":"View","anonymousId":"v-1"}],"context":{`+prefs+`}}`))
	if p := reported(t, trial, "profiling"); p.Lost != 3 || p.Pairs[0].CandidateBy != "segment" {
		t.Errorf("%+v", p)
	}
	if p := reported(t, trial, "analytics"); p.Differ != 0 {
		t.Errorf("%+v", p)
	}
	for _, r := range s.log.records {
		if r.Scope != event.ScopePerson {
			t.Errorf("scope %v", r.Scope)
		}
	}
}

// The candidate's lists of special data are its own.
func TestACandidateClassifiesByItsOwnLists(t *testing.T) {
	s, trial, _ := watched(t, candidatePolicy(func(*consent.Policy) {}), SpecialData{Events: []string{"Prescription Filled"}})
	s.grant(event.KindVisitor, "v-1", 1, 2)
	s.collect(t, browser(RouteTrack, `{"type":"track","event":"Prescription Filled","anonymousId":"v-1"}`))
	s.collect(t, browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"v-1"}`))
	if p := reported(t, trial, "profiling"); p.Lost != 1 || p.Pairs[0].CandidateBy != "special" {
		t.Errorf("%+v", p)
	}
	if len(s.log.records) != 2 || s.log.records[0].Scope != event.ScopePerson {
		t.Errorf("%d records", len(s.log.records))
	}
}

// A dropped event is seen by the candidate too.
func TestACandidateSeesDrops(t *testing.T) {
	wider := candidatePolicy(func(p *consent.Policy) { p.Purposes[0].DNT = consent.ReachIgnore })
	s, _, _ := watched(t, wider, SpecialData{})
	live := candidatePolicy(func(p *consent.Policy) { p.Purposes[0].DNT = consent.ReachRefuse })
	trial, err := dryrun.New(live, wider, now)
	if err != nil {
		t.Fatal(err)
	}
	sites, err := NewSites([]Site{{ID: "shop", PublicKeys: []string{"pk_shop"}, Origins: []string{"https://shop.example"}, Policy: live, Candidate: &Candidate{Trial: trial}}})
	if err != nil {
		t.Fatal(err)
	}
	s.deps.Sites = sites
	a := s.collect(t, browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"v-1"}`).withHeader("DNT", "1"))
	if a.Status != 200 || len(s.log.records) != 0 || s.fates.dropped[event.ReasonConsent] != 1 {
		t.Errorf("status %d, %d records, %v", a.Status, len(s.log.records), s.fates.dropped)
	}
	r := trial.Report()
	if len(r.Rows) != 1 || r.Rows[0] != (dryrun.RowReport{Live: "nothing", Candidate: "none", Events: 1}) {
		t.Errorf("%+v", r.Rows)
	}
}

func TestACandidateOfAnotherSiteIsRefused(t *testing.T) {
	trial, err := dryrun.New(testPolicy("demo"), testPolicy("demo"), now)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := NewSites([]Site{{ID: "shop", PublicKeys: []string{"pk"}, Policy: testPolicy("shop"), Candidate: &Candidate{Trial: trial}}}); err == nil {
		t.Error("it was accepted")
	}
}

// Why an event was dropped or narrowed can be looked up by the messageId as the
// client gave it, and nothing else about it.
func TestReasonsOfAMessage(t *testing.T) {
	s, _, ring := watched(t, nil, SpecialData{})
	s.grant(event.KindVisitor, "full", 1, 2)
	s.grant(event.KindVisitor, "part", 1)
	s.people.person(h1(event.KindVisitor, "gone")).Record().State = consent.StateErased
	for id, visitor := range map[string]string{"m-full": "full", "m-part": "part", "m-gone": "gone", "jana@shop.example": "part"} {
		s.collect(t, browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"`+visitor+`","messageId":"`+id+`"}`).withHeader("Sec-GPC", "0"))
	}
	s.collect(t, browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"part"}`)) // no messageId
	if a := ring.Find("shop", []byte("m-full")); len(a.Found) != 0 || !a.Sampled {
		t.Errorf("all was allowed: %+v", a)
	}
	for _, id := range []string{"m-part", "jana@shop.example"} {
		a := ring.Find("shop", []byte(id))
		if len(a.Found) != 1 {
			t.Fatalf("%s: %d found", id, len(a.Found))
		}
		d := a.Found[0]
		if d.Fate != reasons.Narrowed || d.Scope != event.ScopePeriod || d.Purposes != 3 || !d.At.Equal(now) ||
			d.Verdicts[1] != (reasons.Verdict{Outcome: consent.Allow, By: consent.SourceLedger}) || d.Verdicts[2].By != consent.SourceDefault || !d.Private[2] {
			t.Errorf("%s: %+v", id, d)
		}
	}
	d := ring.Find("shop", []byte("m-gone")).Found[0]
	if d.Fate != reasons.Dropped || d.Verdicts[0].By != consent.SourceErased || !d.Private[0] {
		t.Errorf("%+v", d)
	}
	if n := s.droppedBy(consent.KindMeasurement, consent.SourceErased); n != 1 {
		t.Errorf("%v drops counted", n)
	}
	if n := s.droppedBy(consent.KindProfiling, consent.SourceDefault); n != 0 {
		t.Errorf("%v drops counted for an event that was stored", n)
	}
}

// droppedBy reads the counter of drops.
func (s *stage) droppedBy(kind consent.Kind, by consent.Source) float64 {
	var m dto.Metric
	_ = s.metrics.dropped[kind][by].Write(&m) // a counter never fails
	return m.GetCounter().GetValue()
}

// To a server everything is told.
func TestReasonsOfAServersMessage(t *testing.T) {
	s, _, ring := watched(t, nil, SpecialData{})
	s.collect(t, server(RouteTrack, `{"type":"track","event":"View","userId":"u-1","messageId":"m-1"}`))
	d := ring.Find("shop", []byte("m-1")).Found[0]
	if d.Private[2] || d.Public[2] != d.Verdicts[2] {
		t.Errorf("%+v", d)
	}
}

// Explaining a request notes nothing and counts nothing.
func TestExplainIsNotObserved(t *testing.T) {
	s, trial, ring := watched(t, candidatePolicy(func(*consent.Policy) {}), SpecialData{})
	s.Explain(t.Context(), browser(RouteTrack, `{"type":"track","event":"View","anonymousId":"v-1","messageId":"m-1"}`))
	if r := trial.Report(); r.Events != 0 || len(ring.Find("shop", []byte("m-1")).Found) != 0 {
		t.Errorf("%+v", r)
	}
}

// Being watched costs no allocation.
func TestObservedHotPathAllocs(t *testing.T) {
	stricter := candidatePolicy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse })
	s, trial, ring := watched(t, stricter, SpecialData{Events: []string{"Prescription Filled"}})
	entry := s.grant(event.KindVisitor, "hot", 1)
	unwatched, _, _ := watched(t, nil, SpecialData{})
	unwatched.deps.Reasons = nil
	cost := func(deps Deps, r *Request) float64 {
		deps.Blinder, deps.Subjects, deps.Spool, deps.Fates, deps.Registerer = nullBlinder{}, knownPeople{*entry}, nullLog{}, nullFates{}, nil
		c, err := New(DefaultConfig(), deps)
		if err != nil {
			t.Fatal(err)
		}
		var a Answer
		run := func() {
			a.Reset()
			c.Collect(context.Background(), r, &a)
		}
		run()
		return testing.AllocsPerRun(500, run)
	}
	for name, r := range map[string]*Request{
		"one":   browser(RouteTrack, strings.Replace(hotBody, "{", `{"gpc":true,`, 1)),
		"batch": browser(RouteBatch, `{"batch":[`+hotBody+`],"gpc":true}`),
	} {
		if on, off := cost(s.deps, r), cost(unwatched.deps, r); on > off && !raceEnabled {
			t.Errorf("%s: %v allocations, %v when nobody watches", name, on, off)
		}
	}
	if r := trial.Report(); r.Differ == 0 || r.Differ != r.Events {
		t.Errorf("%d of %d differ", r.Differ, r.Events)
	}
	if a := ring.Find("shop", []byte("m-3f2c9a7e")); len(a.Found) == 0 {
		t.Error("nothing was noted")
	}
}

// One that watches and one that does not, for comparison.
func BenchmarkObserved(b *testing.B) {
	stricter := candidatePolicy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse })
	for name, make := range map[string]func() *stage{
		"off":       func() *stage { s, _, _ := watched(b, nil, SpecialData{}); s.deps.Reasons = nil; return s },
		"reasons":   func() *stage { s, _, _ := watched(b, nil, SpecialData{}); return s },
		"candidate": func() *stage { s, _, _ := watched(b, stricter, SpecialData{}); s.deps.Reasons = nil; return s },
		"both":      func() *stage { s, _, _ := watched(b, stricter, SpecialData{}); return s },
	} {
		b.Run(name, func(b *testing.B) {
			s := make()
			entry := s.grant(event.KindVisitor, "hot", 1)
			deps := s.deps
			deps.Blinder, deps.Subjects, deps.Spool, deps.Fates = nullBlinder{}, knownPeople{*entry}, nullLog{}, nullFates{}
			c, err := New(DefaultConfig(), deps)
			if err != nil {
				b.Fatal(err)
			}
			r := browser(RouteTrack, strings.Replace(hotBody, "2026-11-21T09:29:59", now.Format("2006-01-02T15:04:05"), 1))
			r.ReceivedAt = now.Add(time.Second)
			var a Answer
			b.ReportAllocs()
			for b.Loop() {
				a.Reset()
				c.Collect(b.Context(), r, &a)
			}
		})
	}
}
