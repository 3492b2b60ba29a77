package collector

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/netip"
	"strings"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/event"
	days "zgoda/pseudonym/daily"
	"zgoda/record"
)

// dayKeys hands out the keys of a keyholder in this process.
type dayKeys struct{ *days.Maker }

func (k dayKeys) Day(context.Context) (days.Key, error) { return k.Key(), nil }

// holderOfDay returns what makes the pseudonyms of the day that a clock is in, once
// it has that day's key.
func holderOfDay(tb testing.TB, clock func() time.Time) *days.Holder {
	tb.Helper()
	cfg := days.DefaultConfig()
	cfg.Now = clock
	h, err := days.New(cfg, dayKeys{days.NewMaker(clock)}, slog.New(slog.DiscardHandler))
	if err != nil {
		tb.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { h.Run(ctx); close(ended) }()
	tb.Cleanup(func() { cancel(); <-ended })
	for late := time.Now().Add(10 * time.Second); !h.Holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(late) {
			tb.Fatal("no key of the day")
		}
	}
	return h
}

// cookieless is a stage with the site as it is set, and analytics on a legitimate
// interest unless it is to be on consent.
func cookieless(tb testing.TB, on, consented bool) *stage {
	tb.Helper()
	s := newStage(tb)
	deps := s.deps
	site := *deps.Sites.ByID("shop")
	site.Cookieless, site.Policy = on, testPolicy("shop")
	if p := &site.Policy.Purposes[1]; !consented {
		p.Basis = consent.BasisLegitimateInterest
		p.GPC = consent.DefaultGPC(p.Kind, p.Basis)
	}
	sites, err := NewSites([]Site{site})
	if err != nil {
		tb.Fatal(err)
	}
	deps.Sites, deps.Registerer = sites, nil
	deps.Daily = holderOfDay(tb, func() time.Time { return now })
	if s.Collector, err = New(DefaultConfig(), deps); err != nil {
		tb.Fatal(err)
	}
	return s
}

const (
	unnamed = `{"key":"pk_shop","events":[{"type":"page"}]}`
	granted = `{"key":"pk_shop","events":[{"type":"page","context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}]}`
)

// TestCookieless: who gets the pseudonym of the day, by the setting, what the request
// says, and whether it names anybody.
func TestCookieless(t *testing.T) {
	page := func(change func(*Request)) *Request {
		r := browser(RouteBeacon, unnamed)
		if change != nil {
			change(r)
		}
		return r
	}
	body := func(b string) func(*Request) { return func(r *Request) { r.Body = []byte(b) } }
	header := func(name, value string) func(*Request) { return func(r *Request) { r.withHeader(name, value) } }
	const none, period = event.ScopeNone, event.ScopePeriod
	for _, c := range []struct {
		name          string
		off, consents bool
		change        func(*Request)
		scope         event.Scope
		day           bool
	}{
		{name: "nothing is said", scope: period, day: true},
		{name: "the site has it off", off: true, scope: none},
		{name: "analytics is on consent", consents: true, scope: none},
		{name: "on consent, granted in the request", consents: true, change: body(granted), scope: none},
		{name: "profiling granted in the request", change: body(granted), scope: period, day: true},
		{name: "DNT", change: header("DNT", "1"), scope: none},
		{name: "GPC", change: header("Sec-GPC", "1"), scope: none},
		{name: "ADPC withdraws", change: header("ADPC", "withdraw=analytics"), scope: none},
		{name: "refused in the body", change: body(`{"key":"pk_shop","events":[{"type":"page","context":{"consent":{"categoryPreferences":{"analytics":false}}}}]}`), scope: none},
		{name: "refused beside the events", change: body(`{"key":"pk_shop","context":{"consent":{"categoryPreferences":{"analytics":false}}},"events":[{"type":"page"}]}`), scope: none},
		{name: "an id", change: body(`{"key":"pk_shop","events":[{"type":"page","anonymousId":"v1"}]}`), scope: period},
		{name: "an id in another event", change: body(`{"key":"pk_shop","events":[{"type":"page"},{"type":"page","anonymousId":"v1"}]}`), scope: none},
		{name: "a contact is claimed", change: body(`{"key":"pk_shop","events":[{"type":"page","userId":"u1"}]}`), scope: none},
		{name: "claimed in another event", change: body(`{"key":"pk_shop","events":[{"type":"page"},{"type":"page","userId":"u1"}]}`), scope: none},
		{name: "no address", change: func(r *Request) { r.Address = netip.Addr{} }, scope: none},
		{name: "no user agent", change: func(r *Request) { r.UserAgent = nil }, scope: none},
		{name: "no origin", change: func(r *Request) { r.Origin = nil }, scope: none},
		{name: "received tomorrow", change: func(r *Request) { r.ReceivedAt = now.Add(24 * time.Hour) }, scope: none},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := cookieless(t, !c.off, c.consents)
			s.collect(t, page(c.change))
			s.balance(t)
			if len(s.log.records) == 0 {
				t.Fatal("nothing was stored")
			}
			r := s.log.records[0]
			if r.Scope != c.scope || r.Flags.Has(event.FlagDay) != c.day || r.Subject.IsZero() != (c.scope == none) {
				t.Errorf("scope %v, flags %d, a subject %v", r.Scope, r.Flags, !r.Subject.IsZero())
			}
			if c.day {
				checkDay(t, &r)
			}
		})
	}
}

// checkDay looks at what is the same of every row of a day.
func checkDay(t *testing.T, r *record.Record) {
	t.Helper()
	if !r.Visitor.IsZero() || r.Consent != ([3]event.Handle{}) || r.KeyVersion != event.KeyVersion(days.NumberOf(now)) || r.Purposes != 0b11 {
		t.Errorf("a visitor %v, handles %v, key %d, purposes %b", !r.Visitor.IsZero(), r.Consent != ([3]event.Handle{}), r.KeyVersion, r.Purposes)
	}
}

// TestCookielessServer: a server's address is not a person's.
func TestCookielessServer(t *testing.T) {
	s := cookieless(t, true, false)
	r := server(RouteBeacon, `{"events":[{"type":"page","context":{"ip":"203.0.113.9","userAgent":"Firefox"}}]}`)
	r.UserAgent = []byte("curl")
	var a Answer
	s.Collect(t.Context(), r, &a)
	for i := range s.log.records {
		if rec := &s.log.records[i]; rec.Scope != event.ScopeNone || rec.Flags != 0 {
			t.Errorf("scope %v", rec.Scope)
		}
	}
}

// TestCookielessSubjects: one browser of one site is one subject through the day, in
// all events of a request and in all requests; anything else is another.
func TestCookielessSubjects(t *testing.T) {
	s := cookieless(t, true, false)
	s.collect(t, browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"page"},{"type":"page"}]}`))
	s.collect(t, browser(RouteBeacon, unnamed))
	elsewhere, other := browser(RouteBeacon, unnamed), browser(RouteBeacon, unnamed)
	elsewhere.Address, other.UserAgent = netip.MustParseAddr("192.0.2.9"), []byte("Mozilla/5.0 another")
	s.collect(t, elsewhere)
	s.collect(t, other)
	var seen []event.Handle
	for _, r := range s.log.records {
		seen = append(seen, r.Subject)
	}
	if len(seen) != 5 || seen[0] != seen[1] || seen[0] != seen[2] || seen[3] == seen[0] || seen[4] == seen[0] || seen[3] == seen[4] {
		t.Errorf("%d subjects: %v", len(seen), seen)
	}
	if len(s.people.loads)+len(s.blind.seen) > 0 {
		t.Error("somebody was looked up")
	}
}

func TestCookielessExplained(t *testing.T) {
	s := cookieless(t, true, false)
	x, _ := s.Explain(t.Context(), browser(RouteBeacon, unnamed))
	text, err := json.Marshal(x)
	if err != nil || len(x.Events) != 1 || x.Events[0].Scope != "period" || !x.Events[0].Day || x.Events[0].Visitor || !strings.Contains(string(text), `"day":true`) {
		t.Errorf("%v %s", err, text)
	}
}

// TestCookielessHotPathAllocs: the pseudonym of the day costs no allocation, neither
// those who get one nor those who do not, and nothing of it is left in a work for the
// next request.
func TestCookielessHotPathAllocs(t *testing.T) {
	allocations := func(on bool, r *Request) float64 {
		s := cookieless(t, on, false)
		deps := s.deps
		deps.Blinder, deps.Subjects, deps.Spool, deps.Fates = nullBlinder{}, knownPeople{*s.grant(event.KindVisitor, "hot", 1, 2)}, nullLog{}, nullFates{}
		c, err := New(DefaultConfig(), deps)
		if err != nil {
			t.Fatal(err)
		}
		var a Answer
		run := func() {
			a.Reset()
			c.Collect(t.Context(), r, &a)
		}
		run()
		if a.Status != 200 || a.Accepted != 1 {
			t.Fatalf("%+v", a)
		}
		n := testing.AllocsPerRun(500, run)
		if w := c.works.Get().(*work); w.day != (browserDay{}) {
			t.Error("a work keeps a pseudonym")
		}
		return n
	}
	if n := allocations(true, browser(RouteTrack, hotBody)); n > hotAllocs && !raceEnabled {
		t.Errorf("somebody known: %v allocations, at most %d", n, hotAllocs)
	}
	nobody := browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"page","messageId":"m-3f2c9a7e"}]}`)
	if off, on := allocations(false, nobody), allocations(true, nobody); on > off && !raceEnabled {
		t.Errorf("%v allocations, %v without", on, off)
	}
}
