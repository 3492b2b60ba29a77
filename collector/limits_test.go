package collector

import (
	"fmt"
	"strings"
	"testing"

	"zgoda/collector/segment"
	"zgoda/consent"
	"zgoda/event"
)

func TestAgentsAreCounted(t *testing.T) {
	s := newStage(t)
	want := s.deps.Enricher.Stats()
	if want.Missed == 0 || want.Kept == 0 {
		t.Errorf("%+v", want)
	}
	for name, n := range map[string]float64{"unread_total": float64(want.Unread), "missed_total": float64(want.Missed), "kept": float64(want.Kept)} {
		if got := s.counter(t, "zgoda_collector_agents_"+name); got != n {
			t.Errorf("%s: %v, not %v", name, got, n)
		}
	}
}

// wide returns n members.
func wide(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `"%s%05x":0,`, canary, i)
	}
	return strings.TrimSuffix(b.String(), ",")
}

// TestWideObjectsAreRefused: the field that is named is the wire's own, never
// the client's.
func TestWideObjectsAreRefused(t *testing.T) {
	for _, c := range []struct{ body, field string }{
		{`{"batch":[{"type":"track","event":"e","anonymousId":"a"}],%s}`, "body"},
		{`{"context":{%s},"batch":[{"type":"track","event":"e","anonymousId":"a"}]}`, "context"},
		{`{"context":{"page":{%s}},"batch":[{"type":"track","event":"e","anonymousId":"a"}]}`, "page"},
		{`{"batch":[{"type":"track","event":"e","anonymousId":"a",%s}]}`, "batch"},
		{`{"batch":[{"type":"track","event":"e","anonymousId":"a","properties":{"` + canary + `":[{"x":{%s}}]}}]}`, "properties"},
		{`{"batch":[{"type":"track","event":"e","anonymousId":"a","context":{"consent":{"categoryPreferences":{%s}}}}]}`, "categoryPreferences"},
	} {
		s := newStage(t)
		a := s.collect(t, browser(RouteBatch, fmt.Sprintf(c.body, wide(segment.MaxMembers+1))))
		if a.Status != 400 || a.Problem.Field != c.field || strings.Contains(fmt.Sprint(a.Problem), canary) {
			t.Errorf("%s: %d %+v", c.field, a.Status, a.Problem)
		}
		s.balance(t)
	}
	s := newStage(t)
	if a := s.collect(t, browser(RouteBatch, fmt.Sprintf(`{"context":{%s},"batch":[{"type":"track","event":"e","anonymousId":"a"}]}`, wide(segment.MaxMembers)))); a.Accepted != 1 {
		t.Errorf("%+v", a)
	}
}

// TestBesideIsTakenOnce: once the batch is read, there is no context of it that
// an event could look into.
func TestBesideIsTakenOnce(t *testing.T) {
	s := newStage(t)
	var a Answer
	w := acquire(&s.works, browser(RouteBatch, `{"context":{"page":{"url":"https://shop.example/a"},"consent":{"categoryPreferences":{"profiling":false}}},"consent":{"analytics":false},"gpc":true,
		"batch":[{"type":"track","event":"e","anonymousId":"a"},{"type":"track","event":"f","anonymousId":"a"}]}`), &a)
	defer w.release(&s.works)
	if !w.open() || !w.begin(t.Context()) {
		t.Fatalf("%+v", a)
	}
	if w.batch.Context.Exists() || w.batch.Consent.Exists() || w.batch.GPC.Exists() {
		t.Error("an event can look into the batch's values")
	}
	if w.beside.signals.GPC != consent.Present || w.beside.signals.Count != 2 || string(w.beside.texts[segment.PageURL]) != "https://shop.example/a" {
		t.Errorf("%+v", w.beside)
	}
}

// TestBesideIsAsIfInEach: what stands beside the events counts as if each of them
// said it, except where it says something itself.
func TestBesideIsAsIfInEach(t *testing.T) {
	const page = `"url":"https://Shop.example/orders/123456?utm_source=news&utm_term=mail%20jana@example.org","title":"Jana","referrer":"https://shop.example/from/it"`
	const campaign = `"name":"spring","medium":"mail"`
	for _, c := range []struct{ name, own, same string }{
		{"nothing of its own", ``, `"context":{"page":{` + page + `},"campaign":{` + campaign + `}}`},
		{"a path of its own", `"context":{"page":{"path":"/own"}}`, `"context":{"page":{` + page + `,"path":"/own"},"campaign":{` + campaign + `}}`},
		{"a campaign of its own", `"context":{"campaign":{"name":"autumn"}}`, `"context":{"page":{` + page + `},"campaign":{"name":"autumn","medium":"mail"}}`},
		{
			"an address of its own", `"context":{"page":{"url":"https://other.example/x","search":"?utm_source=own"}}`,
			`"context":{"page":{"url":"https://other.example/x","search":"?utm_source=own","referrer":"https://shop.example/from/it"},"campaign":{` + campaign + `}}`,
		},
		{"a page view's properties", `"properties":{"path":"/own"}`, `"properties":{"path":"/own"},"context":{"page":{` + page + `},"campaign":{` + campaign + `}}`},
	} {
		entry := func(own string) string {
			if own != "" {
				own = "," + own
			}
			return `{"type":"page","name":"n","anonymousId":"a","messageId":"m"` + own + `}`
		}
		s, alone := newStage(t), newStage(t)
		s.grant(event.KindVisitor, "a", 1, 2)
		alone.grant(event.KindVisitor, "a", 1, 2)
		a := s.collect(t, browser(RouteBatch, `{"context":{"page":{`+page+`},"campaign":{`+campaign+`}},"batch":[`+entry(``)+`,`+entry(c.own)+`,`+entry(``)+`]}`))
		alone.collect(t, browser(RouteBatch, `{"batch":[`+entry(c.same)+`]}`))
		if a.Accepted != 3 || len(alone.log.records) != 1 {
			t.Fatalf("%s: %+v", c.name, a)
		}
		if got, want := fmt.Sprintf("%+v", s.log.records[1]), fmt.Sprintf("%+v", alone.log.records[0]); got != want {
			t.Errorf("%s:\n%s\n%s", c.name, got, want)
		}
		if first, last := fmt.Sprintf("%+v", s.log.records[0]), fmt.Sprintf("%+v", s.log.records[2]); first != last || !strings.Contains(first, "/orders/:id") || !strings.Contains(first, "spring") {
			t.Errorf("%s: the first is %s, the last %s", c.name, first, last)
		}
	}
}

// TestBesideTooLongIsLeftOut: cutting might cut what a mask looks for.
func TestBesideTooLongIsLeftOut(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindVisitor, "a", 1, 2)
	long := "https://shop.example/" + strings.Repeat("a/", besideFactor*1024)
	a := s.collect(t, browser(RouteBatch, `{"context":{"page":{"url":"`+long+`","referrer":"https://other.example/"}},"batch":[{"type":"track","event":"e","anonymousId":"a"}]}`))
	if r := s.log.records[0]; a.Accepted != 1 || r.PageHost != "" || r.PagePath != "" || r.RefHost != "other.example" {
		t.Errorf("%+v", r)
	}
}

// TestServerTellsAgentBeside: what a server says of the person holds for a batch.
func TestServerTellsAgentBeside(t *testing.T) {
	s := newStage(t)
	s.grant(event.KindUserID, "u", 1, 2)
	s.collect(t, server(RouteBatch, `{"context":{"userAgent":"Mozilla/5.0 (X11; Linux x86_64; rv:120.0) Gecko/20100101 Firefox/120.0"},"batch":[{"type":"track","event":"e","userId":"u"}]}`))
	if r := s.log.records[0]; r.Browser != "Firefox" {
		t.Errorf("%+v", r)
	}
}

// TestLimitOfOneEvent: only a list of events, where lists are read, may be longer
// than one event.
func TestLimitOfOneEvent(t *testing.T) {
	pad := `"properties":{"x":"` + strings.Repeat("x", 33<<10) + `"}`
	one := `"type":"track","event":"e","name":"e","anonymousId":"a",` + pad
	small := `{"type":"track","event":"e","name":"e","anonymousId":"a"}`
	list := strings.TrimSuffix(strings.Repeat(small+",", 1000), ",")
	for _, c := range []struct {
		name   string
		route  Route
		body   string
		status int
	}{
		{"one", RouteTrack, `{` + one + `}`, 400},
		{"batch is null", RouteTrack, `{` + one + `,"batch":null}`, 400},
		{"batch is empty", RouteTrack, `{` + one + `,"batch":[]}`, 400},
		{"events are empty", RouteTrack, `{` + one + `,"events":[]}`, 400},
		{"identify", RouteIdentify, `{` + one + `,"batch":[{}]}`, 400},
		{"beacon of one, batch null", RouteBeacon, `{` + one + `,"batch":null}`, 400},
		{"beacon of one, events null", RouteBeacon, `{` + one + `,"events":null,"batch":[]}`, 400},
		{"any, batch a text", RouteAny, `{` + one + `,"batch":"x"}`, 400},
		{"batch of one too large", RouteBatch, `{"batch":[{` + one + `}]}`, 200},
		{"batch of many", RouteBatch, `{"batch":[` + list + `]}`, 200},
		{"beacon of many", RouteBeacon, `{"events":[` + list + `]}`, 200},
		{"any of many", RouteAny, `{"events":[` + list + `]}`, 200},
	} {
		s := newStage(t)
		a := s.collect(t, browser(c.route, c.body))
		if a.Status != c.status || (c.status == 400 && len(s.log.records) != 0) || (strings.HasSuffix(c.name, "of many") && a.Accepted != 1000) {
			t.Errorf("%s: %d %+v, put %d", c.name, a.Status, a.Problem, len(s.log.records))
		}
		for _, r := range s.log.records {
			if len(r.Properties) > DefaultConfig().MaxEventBytes {
				t.Errorf("%s: %d bytes of properties", c.name, len(r.Properties))
			}
		}
		s.balance(t)
	}
}

// BenchmarkCollectBatch takes 2,500 events with less and more beside them: what
// stands beside them must not count for each.
func BenchmarkCollectBatch(b *testing.B) {
	long := `"url":"https://shop.example/` + strings.Repeat("shoes/42/", 200) + `","referrer":"https://shop.example/` + strings.Repeat("a1/", 600) + `"`
	for _, c := range []struct{ name, context, each string }{
		{"plain", ``, ``},
		{"wide", wide(segment.MaxMembers), ``},
		{"wide and long", wide(segment.MaxMembers-1) + `,"page":{` + long + `}`, ``},
		{"long, with a path of each", `"page":{` + long + `}`, `,"context":{"page":{"path":"/p"}}`},
		{"consents", `"consent":{"categoryPreferences":{` + strings.ReplaceAll(wide(segment.MaxMembers), ":0", ":false") + `}}`, ``},
	} {
		b.Run(c.name, func(b *testing.B) {
			col, r := hotPath(b)
			r.Route = RouteBatch
			r.Body = []byte(`{"context":{` + c.context + `},"batch":[` + strings.TrimSuffix(strings.Repeat(`{"type":"page","anonymousId":"a"`+c.each+`},`, 2500), ",") + `]}`)
			var a Answer
			b.ReportAllocs()
			for b.Loop() {
				a.Reset()
				col.Collect(b.Context(), r, &a)
			}
			if a.Accepted != 2500 {
				b.Fatalf("%+v", a)
			}
		})
	}
}
