package collector

import (
	"maps"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/spool"
)

// series returns the metrics of a family by the value of one label.
func (s *stage) series(tb testing.TB, name, label string) map[string]*dto.Metric {
	tb.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	found := map[string]*dto.Metric{}
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label {
					found[l.GetValue()] = m
				}
			}
		}
	}
	return found
}

const viewedPage = `{"type":"page","name":"p","anonymousId":"v1"}`

// TestStagesAreTimed: where requests are seldom, each is, in all its stages, and one
// that is refused in those that it came to. Of those that come at once one is.
func TestStagesAreTimed(t *testing.T) {
	s := newStage(t)
	began := time.Now()
	for i, body := range []string{viewedPage, viewedPage, viewedPage, `{`} {
		for range 3 {
			var a Answer
			r := browser(RoutePage, body)
			r.Began = began.Add(time.Duration(i) * quiet)
			s.Collect(t.Context(), r, &a)
			a.Written()
		}
	}
	want := map[string]uint64{"read": 4, "load": 3, "decide": 3, "spool": 3, "answer": 4}
	got := s.series(t, "zgoda_collector_stage_seconds", "stage")
	if len(got) != len(want) {
		t.Fatalf("stages %v", got)
	}
	for stage, n := range want {
		if h := got[stage].GetHistogram(); h.GetSampleCount() != n || h.GetSampleSum() > 100 {
			t.Errorf("%s: %d times, %v s in sum; want %d times", stage, h.GetSampleCount(), h.GetSampleSum(), n)
		}
	}
}

// TestOneOfManyIsTimed: at peak one request in 64 is, after the first.
func TestOneOfManyIsTimed(t *testing.T) {
	watch, _ := newStopwatch()
	var turn uint32
	began, timed := time.Now(), 0
	for range 10 * sampled {
		if watch.start(began, &turn) != (lap{}) {
			timed++
		}
	}
	if timed != 1+10 {
		t.Errorf("%d of %d are timed", timed, 10*sampled)
	}
}

// TestStagesAreTimedFromTheBeginning: the body is read before Collect is called,
// and the answer written after it.
func TestStagesAreTimedFromTheBeginning(t *testing.T) {
	s := newStage(t)
	r := browser(RoutePage, viewedPage)
	r.Began = time.Now().Add(-time.Minute)
	var a Answer
	s.Collect(t.Context(), r, &a)
	a.lap.at = a.lap.at.Add(-time.Minute)
	a.Written()
	a.Written() // counts once
	for stage, least := range map[string]float64{"read": 60, "answer": 60} {
		h := s.series(t, "zgoda_collector_stage_seconds", "stage")[stage].GetHistogram()
		if h.GetSampleCount() != 1 || h.GetSampleSum() < least || h.GetSampleSum() > least+60 {
			t.Errorf("%s: %d times, %v s in sum", stage, h.GetSampleCount(), h.GetSampleSum())
		}
	}
}

// siteEvents returns what was counted of a site, by fate.
func (s *stage) siteEvents(tb testing.TB, site string) map[string]float64 {
	tb.Helper()
	families, err := s.reg.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	found := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "zgoda_site_events_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["site"] == site {
				found[labels["fate"]] = m.GetCounter().GetValue()
			}
		}
	}
	return found
}

// TestSiteEventsAgreeWithTheFates: of each site as many events are told as there
// were, with what became of them.
func TestSiteEventsAgreeWithTheFates(t *testing.T) {
	s := newStage(t)
	for _, site := range []string{"shop", "demo"} {
		if got := s.siteEvents(t, site); len(got) != int(siteFates) {
			t.Fatalf("at the start %s has %v", site, got)
		}
	}
	s.collect(t, browser(RoutePage, viewedPage))
	s.collect(t, browser(RouteBatch, `{"batch":[`+viewedPage+`,{"type":"track","anonymousId":"v1"},`+viewedPage+`]}`))
	s.collect(t, browser(RouteBatch, `{"batch":[]}`))
	s.collect(t, browser(RoutePage, `{`))
	stranger := browser(RoutePage, viewedPage)
	stranger.AuthKey = []byte("unknown") // of no site, and one of what the fates refuse
	s.collect(t, stranger)
	s.log.putErr = spool.ErrFull
	s.collect(t, browser(RoutePage, viewedPage))
	s.log.putErr = nil
	s.grant(event.KindVisitor, "v1").Record().Purposes[0].Choice = consent.ChoiceObjected
	s.collect(t, browser(RoutePage, viewedPage))

	refused, dropped := 0, 0
	for _, n := range s.fates.refused {
		refused += n
	}
	for _, n := range s.fates.dropped {
		dropped += n
	}
	want := map[string]float64{"accepted": 3, "dropped": 1, "refused": 4}
	if got := s.siteEvents(t, "shop"); !maps.Equal(got, want) {
		t.Errorf("shop: %v, want %v", got, want)
	}
	if len(s.log.records) != 3 || dropped != 1 || refused != 4+1 {
		t.Errorf("the fates say %d put, %d dropped, %d refused", len(s.log.records), dropped, refused)
	}
	if got := s.siteEvents(t, "demo"); !maps.Equal(got, map[string]float64{"accepted": 0, "dropped": 0, "refused": 0}) {
		t.Errorf("demo: %v", got)
	}
}
