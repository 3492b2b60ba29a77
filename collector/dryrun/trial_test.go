package dryrun

import (
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"zgoda/consent"
	"zgoda/event"
)

var start = time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)

func policy(change func(*consent.Policy)) *consent.Policy {
	p := &consent.Policy{Site: "shop", Version: 1, Revision: 11, Purposes: []consent.Purpose{
		{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, GPC: consent.ReachIgnore, DNT: consent.ReachIgnore},
		{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1, GPC: consent.ReachIgnore},
		{ID: "profiling", Bit: 2, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
	}}
	if change != nil {
		p.Revision = 22
		change(p)
	}
	return p
}

func trial(tb testing.TB, candidate *consent.Policy) *Trial {
	tb.Helper()
	made, err := New(policy(nil), candidate, start)
	if err != nil {
		tb.Fatal(err)
	}
	return made
}

// agreed is somebody who agreed to everything.
func agreed() *consent.Record {
	var r consent.Record
	for bit := range 3 {
		r.Purposes[bit] = consent.Held{Choice: consent.ChoiceGiven, Version: 1}
	}
	return &r
}

var identities = consent.Identities{Visitor: event.Handles{
	Consent: event.Handle{1}, Profiling: event.Handle{2}, Analytics: event.Handle{3}, Period: 202611, Version: 1,
}}

// observe lets both policies decide about a request, as the collector does.
func observe(tr *Trial, signals consent.Signals, who *consent.Record) {
	subject := consent.Subject{Visitor: who, Speaks: consent.SpeaksForVisitor}
	live := consent.Decide(tr.live, &signals, subject)
	c := tr.Acquire()
	c.Signals = signals
	tr.Compare(c, subject, identities, &live)
	tr.Release(c)
}

func purpose(t *testing.T, r Report, id string) PurposeReport {
	t.Helper()
	for _, p := range r.Purposes {
		if p.Purpose == id {
			return p
		}
	}
	t.Fatalf("no purpose %s", id)
	return PurposeReport{}
}

func TestTheSamePolicyNeverDiffers(t *testing.T) {
	tr := trial(t, policy(func(*consent.Policy) {}))
	for _, gpc := range []consent.Presence{consent.Absent, consent.Present} {
		observe(tr, consent.Signals{GPC: gpc}, agreed())
		observe(tr, consent.Signals{GPC: gpc}, &consent.Record{})
	}
	r := tr.Report()
	if r.Events != 4 || r.Differ != 0 || r.LivePolicy != 11 || r.CandidatePolicy != 22 || !r.Since.Equal(start) {
		t.Errorf("%+v", r)
	}
	for _, p := range r.Purposes {
		if p.Differ != 0 {
			t.Errorf("%+v", p)
		}
	}
}

// A stricter candidate: GPC reaches analytics too.
func TestStricter(t *testing.T) {
	tr := trial(t, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	for range 3 {
		observe(tr, consent.Signals{GPC: consent.Present}, agreed())
	}
	observe(tr, consent.Signals{}, agreed())
	r := tr.Report()
	if r.Events != 4 || r.Differ != 3 {
		t.Errorf("%d of %d differ", r.Differ, r.Events)
	}
	p := purpose(t, r, "analytics")
	if p.Differ != 3 || p.Lost != 3 || p.Won != 0 || len(p.Pairs) != 2 {
		t.Fatalf("%+v", p)
	}
	want := PairReport{
		Live: "allow", LiveBy: "ledger", Candidate: "deny", CandidateBy: "gpc", Differs: true, Decisions: 3,
		Why: "Now allowed, since a grant is on record; with the candidate denied, since the browser sends Global Privacy Control.",
	}
	if p.Pairs[0] != want {
		t.Errorf("%+v", p.Pairs[0])
	}
	if rows := []RowReport{{"period", "none", 3}, {"person", "person", 1}}; len(r.Rows) != 2 || r.Rows[0] != rows[0] || r.Rows[1] != rows[1] {
		t.Errorf("%+v", r.Rows)
	}
}

// A wider candidate, one purpose of its own, and one that it lacks.
func TestWiderNewAndGone(t *testing.T) {
	tr := trial(t, policy(func(p *consent.Policy) {
		p.Purposes[2].GPC = consent.ReachIgnore
		p.Purposes = append(p.Purposes[1:], consent.Purpose{ID: "mails", Bit: 3, Kind: consent.KindMarketing, Basis: consent.BasisConsent, Version: 1})
	}))
	who := agreed()
	who.Purposes[3] = consent.Held{Choice: consent.ChoiceGiven, Version: 1}
	observe(tr, consent.Signals{GPC: consent.Present}, who)
	r := tr.Report()
	if p := purpose(t, r, "profiling"); p.Won != 1 || p.Lost != 0 || p.Only != "" {
		t.Errorf("%+v", p)
	}
	if p := purpose(t, r, "measurement"); p.Lost != 1 || p.Only != "live" || p.Pairs[0].Candidate != "absent" || p.Pairs[0].CandidateBy != "" {
		t.Errorf("%+v", p)
	}
	if p := purpose(t, r, "mails"); p.Differ != 0 || p.Only != "candidate" || p.Kind != "marketing" || p.Pairs[0].CandidateBy != "gpc" {
		t.Errorf("%+v", p) // denied by GPC, and not there before
	}
	if r.Differ != 1 || len(r.Rows) != 1 || r.Rows[0] != (RowReport{"period", "person", 1}) {
		t.Errorf("%+v", r)
	}
}

func TestNewRefuses(t *testing.T) {
	other := policy(func(p *consent.Policy) { p.Site = "other" })
	moved := policy(func(p *consent.Policy) { p.Purposes[1].Bit, p.Purposes[2].Bit = 2, 1 })
	reused := policy(func(p *consent.Policy) { p.Purposes[1].ID = "mails" })
	for name, candidate := range map[string]*consent.Policy{"none": nil, "another site's": other, "moved bits": moved, "a reused bit": reused} {
		if _, err := New(policy(nil), candidate, start); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

// Every source has its words for a denial, and each that may allow for a grant.
func TestEverySourceHasWords(t *testing.T) {
	for s := range consent.SourceCount {
		if obstacles[s] == "" {
			t.Errorf("%v has no words for a denial", consent.Source(s))
		}
		if consent.Source(s).Grants() && grounds[s] == "" {
			t.Errorf("%v has no words for a grant", consent.Source(s))
		}
	}
	if why(codeAbsent, consent.SourceCount+int(consent.SourceGPC)) != "Now there is no such purpose; with the candidate allowed, since gpc decided." {
		t.Error(why(codeAbsent, consent.SourceCount+int(consent.SourceGPC)))
	}
}

func TestMetrics(t *testing.T) {
	tr := trial(t, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	observe(tr, consent.Signals{GPC: consent.Present}, agreed())
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(NewMetrics(ownLabel, tr)); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"zgoda_dryrun_decisions_total candidate=allow candidate_by=basis live=allow live_by=basis purpose=measurement site=shop 1",
		"zgoda_dryrun_decisions_total candidate=deny candidate_by=gpc live=allow live_by=ledger purpose=analytics site=shop 1",
		"zgoda_dryrun_decisions_total candidate=deny candidate_by=gpc live=deny live_by=gpc purpose=profiling site=shop 1",
		"zgoda_dryrun_events_differ_total site=shop 1",
		"zgoda_dryrun_events_total site=shop 1",
		"zgoda_dryrun_rows_total candidate=none live=period site=shop 1",
	}
	if diff := cmp.Diff(want, written(families)); diff != "" {
		t.Error(diff)
	}
}

func ownLabel(id event.SiteID) string { return string(id) }

func written(families []*dto.MetricFamily) (lines []string) {
	for _, f := range families {
		for _, m := range f.GetMetric() {
			text := f.GetName()
			for _, l := range m.GetLabel() {
				text += " " + l.GetName() + "=" + l.GetValue()
			}
			lines = append(lines, fmt.Sprint(text, " ", m.GetCounter().GetValue()))
		}
	}
	return lines
}

// Sites that share a label share their numbers, and their purposes' names, of which
// there could be any number, are no labels.
func TestMetricsOfManySites(t *testing.T) {
	one, other := trial(t, policy(nil)), trial(t, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	for _, tr := range []*Trial{one, other} {
		observe(tr, consent.Signals{GPC: consent.Present}, agreed())
	}
	reg := prometheus.NewPedanticRegistry()
	if err := reg.Register(NewMetrics(func(event.SiteID) string { return "other" }, one, other)); err != nil {
		t.Fatal(err)
	}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"zgoda_dryrun_decisions_total candidate=allow candidate_by=basis live=allow live_by=basis purpose=other site=other 2",
		"zgoda_dryrun_decisions_total candidate=allow candidate_by=ledger live=allow live_by=ledger purpose=other site=other 1",
		"zgoda_dryrun_decisions_total candidate=deny candidate_by=gpc live=allow live_by=ledger purpose=other site=other 1",
		"zgoda_dryrun_decisions_total candidate=deny candidate_by=gpc live=deny live_by=gpc purpose=other site=other 2",
		"zgoda_dryrun_events_differ_total site=other 1",
		"zgoda_dryrun_events_total site=other 2",
		"zgoda_dryrun_rows_total candidate=none live=period site=other 1",
		"zgoda_dryrun_rows_total candidate=period live=period site=other 1",
	}
	if diff := cmp.Diff(want, written(families)); diff != "" {
		t.Error(diff)
	}
}

// The counts of several at once add up, and a report can be made meanwhile.
func TestConcurrentUse(t *testing.T) {
	tr := trial(t, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 500 {
				observe(tr, consent.Signals{GPC: consent.Present}, agreed())
				if r := tr.Report(); r.Differ > r.Events {
					t.Errorf("%d of %d differ", r.Differ, r.Events)
				}
			}
		})
	}
	wg.Wait()
	r := tr.Report()
	if r.Events != 2000 || r.Differ != 2000 || purpose(t, r, "analytics").Lost != 2000 {
		t.Errorf("%+v", r)
	}
	if _, err := json.Marshal(r); err != nil {
		t.Error(err)
	}
}

func TestAllocations(t *testing.T) {
	tr := trial(t, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	who, signals := agreed(), consent.Signals{GPC: consent.Present}
	subject := consent.Subject{Visitor: who, Speaks: consent.SpeaksForVisitor}
	live := consent.Decide(tr.live, &signals, subject)
	c := tr.Acquire()
	if n := testing.AllocsPerRun(1000, func() { tr.Compare(c, subject, identities, &live) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkCompare(b *testing.B) {
	tr := trial(b, policy(func(p *consent.Policy) { p.Purposes[1].GPC = consent.ReachRefuse }))
	who, signals := agreed(), consent.Signals{GPC: consent.Present}
	subject := consent.Subject{Visitor: who, Speaks: consent.SpeaksForVisitor}
	live := consent.Decide(tr.live, &signals, subject)
	c := tr.Acquire()
	b.ReportAllocs()
	for b.Loop() {
		tr.Compare(c, subject, identities, &live)
	}
}
