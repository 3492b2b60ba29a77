package collector

import (
	"strings"
	"testing"

	"zgoda/consent/decoded"
	"zgoda/event"
)

// sixSignals is the hot path with six signals that are present: ADPC, a TC string
// in a cookie, a GPP string, us_privacy, Google's consent mode and Segment's
// categories. The strings are cached.
func sixSignals(tb testing.TB) (*Collector, *Request) {
	tb.Helper()
	s := toolStage(tb)
	entry := s.grant(event.KindVisitor, "hot", 1, 2)
	entry.Record().Sequence = 7
	strs, err := decoded.New(decoded.DefaultConfig())
	if err != nil {
		tb.Fatal(err)
	}
	deps := s.deps
	deps.Blinder, deps.Subjects, deps.Spool, deps.Fates, deps.Registerer = nullBlinder{}, knownPeople{*entry}, nullLog{}, nullFates{}, nil
	deps.Strings = strs
	c, err := New(DefaultConfig(), deps)
	if err != nil {
		tb.Fatal(err)
	}
	r := browser(RouteTrack, strings.Replace(hotBody, `"locale":"pl"`, `"locale":"pl","consent":{"categoryPreferences":{"analytics":true}}`, 1))
	adpc := []byte(`consent="analytics.v1"`)
	r.Header = func(name string, yield func([]byte) bool) {
		if name == "ADPC" {
			yield(adpc)
		}
	}
	query := [][2][]byte{
		{[]byte("gpp"), []byte(gppOut)}, {[]byte("us_privacy"), []byte("1YNN")}, {[]byte("gcs"), []byte("G111")}, {[]byte("gcd"), []byte("13r3r3r3r5")},
	}
	cookies := [][2][]byte{{[]byte("euconsent-v2"), []byte(tcYes)}}
	r.Queries, r.Cookies = listed(query), listed(cookies)
	return c, r
}

func listed(list [][2][]byte) func(func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
		for i := range list {
			if !yield(list[i][0], list[i][1]) {
				return
			}
		}
	}
}

func TestHotPathAllocsWithSixSignals(t *testing.T) {
	c, r := sixSignals(t)
	var a Answer
	run := func() {
		a.Reset()
		c.Collect(t.Context(), r, &a)
	}
	run()
	if a.Status != 200 || a.Accepted != 1 || !strings.Contains(string(a.Decision), "by=gpp") {
		t.Fatalf("%d, %d accepted: %s", a.Status, a.Accepted, a.Decision)
	}
	if n := testing.AllocsPerRun(500, run); n > hotAllocs && !raceEnabled {
		t.Errorf("%v allocations, at most %d", n, hotAllocs)
	}
}

func BenchmarkCollectTrackWithSixSignals(b *testing.B) {
	c, r := sixSignals(b)
	var a Answer
	b.ReportAllocs()
	for b.Loop() {
		a.Reset()
		c.Collect(b.Context(), r, &a)
	}
}
