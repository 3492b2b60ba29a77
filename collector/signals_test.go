package collector

import (
	"encoding/json"
	"strings"
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

// TC strings of February 2026, when they needed no disclosed vendors yet, and a
// GPP string that opts out of everything.
const (
	tcYes  = "CQf7GgAQf7GgAAKABBAABkFoAPGAAAIAAAAAAAAAAAAA" // purposes 1, 2, 3, 4, 8, 9
	tcNo   = "CQf7GgAQf7GgAAKABBAABkFgAAAAAAAAAAAAAAAAAAAA"
	gppOut = "DBABRg~BVUAABo"
	gppGPC = "DBABBg~BVoAAABo.YA"
)

// toolStage is a stage whose site maps what consent tools say.
func toolStage(tb testing.TB) *stage {
	tb.Helper()
	s := newStage(tb)
	site, _ := s.deps.Sites.ByKey([]byte("pk_shop"))
	for i := range site.Policy.Purposes {
		p := &site.Policy.Purposes[i]
		p.US, p.Google = consent.DefaultUS(p.Kind), consent.DefaultGoogle(p.Kind)
		switch p.Kind {
		case consent.KindAnalytics:
			p.TCF.Purposes = 1<<7 | 1<<8
		case consent.KindProfiling:
			p.TCF.Purposes, p.Google = 1<<2|1<<3, consent.GoogleAdPersonalization
		default:
		}
	}
	return s
}

// each returns an accessor of fixed values.
func each(values map[string][]string) func(string, func([]byte) bool) {
	return func(name string, yield func([]byte) bool) {
		for _, v := range values[name] {
			if !yield([]byte(v)) {
				return
			}
		}
	}
}

// all is each for what is gone over as a whole.
func all(values map[string][]string) func(func(name, value []byte) bool) {
	return func(yield func(name, value []byte) bool) {
		for name, of := range values {
			for _, v := range of {
				if !yield([]byte(name), []byte(v)) {
					return
				}
			}
		}
	}
}

type values = map[string][]string

// Every signal that a request itself carries is read on every route.
func TestSignalsOnEveryRoute(t *testing.T) {
	routes := map[string]func() *Request{
		"track": func() *Request { return browser(RouteTrack, `{"event":"x","anonymousId":"v"}`) },
		"batch": func() *Request {
			return browser(RouteBatch, `{"batch":[{"type":"track","event":"x","anonymousId":"v"},{"type":"page","anonymousId":"v"}]}`)
		},
		"snippet": func() *Request {
			return browser(RouteBeacon, `{"key":"pk_shop","events":[{"type":"page","name":"p"}]}`)
		},
		"pixel": func() *Request {
			r := browser(RoutePixel, "")
			r.Query = func(name string) []byte { return map[string][]byte{"k": []byte("pk_shop")}[name] }
			return r
		},
	}
	signals := map[string]struct {
		header, query, cookies values
		profiling              string
	}{
		"GPC":               {header: values{"Sec-GPC": {"0", "1"}}, profiling: "deny; by=gpc"},
		"DNT":               {header: values{"X-Do-Not-Track": {"1"}}, profiling: "deny; by=dnt"},
		"ADPC":              {header: values{"ADPC": {"consent=analytics.v1", "withdraw=*"}}, profiling: "deny; by=adpc"},
		"TCF refuses":       {query: values{"gdpr": {"1"}, "gdpr_consent": {tcNo}}, profiling: "deny; by=tcf"},
		"TCF grants":        {query: values{"gdpr": {"1"}, "gdpr_consent": {tcYes}}, profiling: "allow; by=tcf"},
		"TCF cookie":        {cookies: values{"euconsent-v2": {tcNo}}, profiling: "deny; by=tcf"},
		"both, differing":   {query: values{"gdpr_consent": {tcYes}}, cookies: values{"euconsent-v2": {tcNo}}, profiling: "deny; by=tcf"},
		"TCF unreadable":    {query: values{"gdpr_consent": {"${GDPR_CONSENT_1}"}}, profiling: "deny; by=unreadable"},
		"GPP":               {query: values{"gpp": {gppOut}, "gpp_sid": {"9"}}, profiling: "deny; by=gpp"},
		"GPC within GPP":    {query: values{"gpp": {gppGPC}}, profiling: "deny; by=gpc"},
		"us_privacy":        {query: values{"us_privacy": {"1YYN"}}, profiling: "deny; by=us-privacy"},
		"us_privacy cookie": {cookies: values{"usprivacy": {"1YYN"}}, profiling: "deny; by=us-privacy"},
		"Google":            {query: values{"gcd": {"13r3r3r3q5"}}, profiling: "deny; by=google"},
		"Google grants":     {query: values{"gcd": {"13r3r3r3r5"}, "gcs": {"G111"}}, profiling: "allow; by=google"},
		"Google twice":      {query: values{"gcs": {"G111", "G100"}}, profiling: "deny; by=unreadable"},
	}
	for route, request := range routes {
		for name, c := range signals {
			s := toolStage(t)
			r := request()
			r.Header, r.Queries, r.Cookies = each(c.header), all(c.query), all(c.cookies)
			a := s.collect(t, r)
			if want := "profiling=" + c.profiling; !strings.Contains(string(a.Decision), want) {
				t.Errorf("%s on %s: %s, want %s", name, route, a.Decision, want)
			}
		}
	}
}

// What an event carries, and what stands beside the events of a batch.
func TestSignalsInBodies(t *testing.T) {
	for name, c := range map[string]struct{ context, profiling string }{
		"TCF":          {`{"consent":{"tcf":"` + tcNo + `"}}`, "deny; by=tcf"},
		"TCF grants":   {`{"consent":{"tcf":{"tcString":"` + tcYes + `"}}}`, "allow; by=tcf"},
		"GPP":          {`{"consent":{"gpp":"` + gppOut + `"}}`, "deny; by=gpp"},
		"us_privacy":   {`{"consent":{"usp":"1YYN"}}`, "deny; by=us-privacy"},
		"Google":       {`{"consent":{"google":{"ad_personalization":"denied"}}}`, "deny; by=google"},
		"Segment":      {`{"consent":{"categoryPreferences":{}}}`, "deny; by=segment"},
		"RudderStack":  {`{"consentManagement":{"deniedConsentIds":["profiling"]}}`, "deny; by=rudderstack"},
		"grants there": {`{"consentManagement":{"allowedConsentIds":["profiling"]}}`, "allow; by=rudderstack"},
		"unreadable":   {`{"consent":{"tcf":"x"}}`, "deny; by=unreadable"},
		"nothing":      {`{"locale":"sk"}`, "by=private"},
	} {
		const call = `"type":"track","event":"x","anonymousId":"v"`
		for place, r := range map[string]*Request{
			"an event":      browser(RouteTrack, `{`+call+`,"context":`+c.context+`}`),
			"a batch":       browser(RouteBatch, `{"batch":[{`+call+`,"context":`+c.context+`}]}`),
			"beside events": browser(RouteBatch, `{"context":`+c.context+`,"batch":[{`+call+`},{`+call+`}]}`),
			"the snippet":   browser(RouteBeacon, `{"context":`+c.context+`,"events":[{"type":"page","name":"p","anonymousId":"v"}]}`),
		} {
			s := toolStage(t)
			a := s.collect(t, r)
			if !strings.Contains(string(a.Decision), "profiling="+c.profiling) && !strings.Contains(string(a.Decision), "profiling; "+c.profiling) {
				t.Errorf("%s in %s: %s", name, place, a.Decision)
			}
		}
	}
}

// A browser's cookie and header grant nothing for a server's event.
func TestBrowserSignalsGrantNothingForServer(t *testing.T) {
	for name, change := range map[string]func(*Request){
		"cookie": func(r *Request) { r.Cookies = all(values{"euconsent-v2": {tcYes}}) },
		"ADPC":   func(r *Request) { r.Header = each(values{"ADPC": {"consent=profiling.v1"}}) },
	} {
		s := toolStage(t)
		r := server(RouteTrack, `{"event":"x","userId":"u"}`)
		change(r)
		if a := s.collect(t, r); !strings.Contains(string(a.Decision), "profiling=deny; by=default") {
			t.Errorf("%s: %s", name, a.Decision)
		}
	}
}

// "Tk: N" is answered where nobody is tracked, and to a public key only where
// that holds whatever is on record.
func TestTkTellsNothingOfRecords(t *testing.T) {
	dnt := values{"DNT": {"1"}}
	for name, c := range map[string]struct {
		request *Request
		reach   consent.Reach
		header  values
		tk      bool
	}{
		"no DNT":                 {browser(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachRefuse, nil, false},
		"refused":                {browser(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachRefuse, dnt, true},
		"ask, as a record says":  {browser(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachAsk, dnt, false},
		"ignored":                {browser(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachIgnore, dnt, false},
		"ignored, nothing said":  {browser(RouteTrack, `{"event":"x","anonymousId":"other"}`), consent.ReachIgnore, dnt, false},
		"a server, refused":      {server(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachRefuse, dnt, true},
		"a server, nothing said": {server(RouteTrack, `{"event":"x","anonymousId":"other"}`), consent.ReachIgnore, dnt, true},
		"a server, stored":       {server(RouteTrack, `{"event":"x","anonymousId":"hot"}`), consent.ReachIgnore, dnt, false},
	} {
		s := toolStage(t)
		site, _ := s.deps.Sites.ByKey([]byte("pk_shop"))
		site.Policy.Purposes[1].DNT = c.reach
		s.grant(event.KindVisitor, "hot", 1)
		c.request.Header = each(c.header)
		if a := s.collect(t, c.request); a.Status != 200 || a.Tk != c.tk {
			t.Errorf("%s: status %d, Tk %v (%s)", name, a.Status, a.Tk, a.Decision)
		}
	}
}

// The trace shows each signal, where it stood and how it was read, and no content.
func TestExplainShowsEachSignal(t *testing.T) {
	s := toolStage(t)
	r := browser(RouteTrack, `{"event":"x","anonymousId":"v","context":{"consent":{"google":{"ad_personalization":"granted"}}}}`)
	r.Header = each(values{"Sec-GPC": {"1"}})
	r.Queries = all(values{"gdpr_consent": {tcYes}, "us_privacy": {"1Y"}})
	x, a := s.Explain(t.Context(), r)
	if a.Status != 200 || len(x.Events) != 1 {
		t.Fatalf("%+v", a)
	}
	text, err := json.Marshal(x.Events[0].Decision)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`{"source":"gpc","reading":"present"`, `"carrier":"query","detail":"core"`, `"carrier":"body"`,
		`{"source":"us-privacy","reading":"unreadable","carrier":"query","detail":"malformed"}`,
	} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
	if strings.Contains(string(text), tcYes) {
		t.Error("the trace repeats a consent string")
	}
}

// Our own cookie that is there twice with different choices, or with nothing in it,
// cannot be read: the choice that is passed over may be a refusal.
func TestTwoConsentCookies(t *testing.T) {
	for name, c := range map[string]struct {
		of    func(yes, no string) []string
		scope event.Scope
	}{
		"one":            {func(yes, _ string) []string { return []string{yes} }, event.ScopePeriod},
		"in quotes":      {func(yes, _ string) []string { return []string{`"` + yes + `"`} }, event.ScopePeriod},
		"the same twice": {func(yes, _ string) []string { return []string{yes, yes} }, event.ScopePeriod},
		"two":            {func(yes, no string) []string { return []string{yes, no} }, event.ScopeNone},
		"empty":          {func(_, _ string) []string { return []string{""} }, event.ScopeNone},
		"cut":            {func(yes, _ string) []string { return []string{yes[:9] + `"`} }, event.ScopeNone},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			seal := func(granted bool) string {
				return s.jar.SealChoice("shop", cookie.Choices{Version: s.deps.Sites.ByID("shop").Policy.Version, By: map[event.PurposeID]bool{"analytics": granted}}, now)
			}
			r := browser(RouteTrack, `{"anonymousId":"v-1","event":"e"}`)
			r.Cookies = all(values{cookie.Choice: c.of(seal(true), seal(false))})
			s.collect(t, r)
			if len(s.log.records) != 1 || s.log.records[0].Scope != c.scope {
				t.Errorf("stored %v", s.log.records)
			}
		})
	}
}
