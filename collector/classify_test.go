package collector

import (
	"fmt"
	"strings"
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

func testClasses() *classes {
	return newClasses(
		&SpecialData{Paths: []string{"/health", "/Rada/Zdravie"}, Events: []string{"Diagnosis Viewed"}, Keys: []string{"diagnosis", "utm_source"}},
		&SpecialData{Paths: []string{"/court/"}, Events: []string{"Verdict"}, Keys: []string{"Offence"}},
		&SpecialData{Paths: []string{"/kids", "/health/kids"}},
	)
}

// classified is a stage whose shop lists special data.
func classified(tb testing.TB) (*stage, *Site) {
	tb.Helper()
	s := newStage(tb)
	site := s.deps.Sites.ByID("shop")
	site.classes = testClasses()
	return s, site
}

func TestClassesOfPaths(t *testing.T) {
	c := testClasses()
	var scratch []byte
	for path, want := range map[string]consent.Class{
		"/": 0, "": 0, "/healthy": 0, "/x/health": 0, "health": consent.ClassSpecial, "/health": consent.ClassSpecial,
		"/Health/": consent.ClassSpecial, "/health/advice": consent.ClassSpecial, "/%68ealth": consent.ClassSpecial, "//health": consent.ClassSpecial,
		"/a/../health": consent.ClassSpecial, "/a/b/../../health": consent.ClassSpecial, "/./health": consent.ClassSpecial, "/../../health": consent.ClassSpecial,
		"/\\health\\x": consent.ClassSpecial, "/health/..": 0, "/health/../court": consent.ClassCriminal, "/health%2Fx": consent.ClassSpecial,
		"/rada/zdravie/2": consent.ClassSpecial, "/rada": 0, "/health/kids/1": consent.ClassSpecial | consent.ClassChild, "/kids": consent.ClassChild,
		"/court;v=1": consent.ClassCriminal, "/court;": consent.ClassCriminal, "/court;v=1/9": consent.ClassCriminal, "/Court;V=1/": consent.ClassCriminal,
		"/court%3bv=1": consent.ClassCriminal, "/court;a%2fb": consent.ClassCriminal, "/;/court": consent.ClassCriminal, "//court;v//": consent.ClassCriminal,
		"/%43OURT": consent.ClassCriminal, "/court//": consent.ClassCriminal, "\\court": consent.ClassCriminal, "/court/..;/x": consent.ClassCriminal, "/court/.;/x": consent.ClassCriminal,
		"/courts;v=1": 0, "/x;/court": 0, "/x;p=/court": 0, "/court/../x": 0, "/x/..;/court": 0, "/;court": 0,
		"/%6": 0, "/%zz": 0, "/..": 0, "..": 0,
	} {
		if got := c.path(&scratch, []byte(path)); got != want {
			t.Errorf("%q is %v, want %v", path, got.Names(), want.Names())
		}
	}
	whole := newClasses(&SpecialData{Paths: []string{"/"}}, &SpecialData{}, &SpecialData{})
	if whole.path(&scratch, []byte("/any/page")) != consent.ClassSpecial {
		t.Error("a whole site is not special")
	}
	if newClasses(&SpecialData{}, &SpecialData{}, &SpecialData{}) != nil {
		t.Error("no lists are something")
	}
	long := []byte("/health/" + strings.Repeat("a-long-segment-that-goes-on/", 9))
	if n := testing.AllocsPerRun(100, func() { c.path(&scratch, long) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Data on criminal convictions goes nowhere, whoever agreed and whatever carries it.
func TestCriminalIsDropped(t *testing.T) {
	for name, body := range map[string]string{
		"path":       `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/court/case"}}}`,
		"parameters": `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/court;v=1?q=1#f"}}}`,
		"page path":  `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/","path":"/court"}}}`,
		"referrer":   `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/","referrer":"https://shop.example/court/9"}}}`,
		"name":       `{"anonymousId":"v-1","event":" VERDICT "}`,
		"key":        `{"anonymousId":"v-1","event":"Viewed","properties":{"offence":1}}`,
		"nested key": `{"anonymousId":"v-1","event":"Viewed","properties":{"list":[{"a":{"OFFENCE":null}}]}}`,
	} {
		s, _ := classified(t)
		s.grant(event.KindVisitor, "v-1", 0, 1, 2)
		a := s.collect(t, browser(RouteTrack, body))
		if len(s.log.records) != 0 || s.fates.dropped[event.ReasonCriminal] != 1 {
			t.Errorf("%s: stored %d, dropped %v", name, len(s.log.records), s.fates.dropped)
		}
		if want := "measurement=deny; by=criminal, analytics=deny; by=criminal, profiling=deny; by=criminal"; string(a.Decision) != want {
			t.Errorf("%s: %s", name, a.Decision)
		}
		x, _ := s.Explain(t.Context(), browser(RouteTrack, body))
		if e := x.Events[0]; e.Fate != "dropped" || e.Reason != "criminal" || e.Decision.Purposes[0].Rule != "class" || e.Decision.Classes[0] != "criminal" {
			t.Errorf("%s: explained as %+v", name, e)
		}
		s.balance(t)
	}
}

// What stands beside the events of a batch holds for each of them.
func TestTraitsBesideTheEvents(t *testing.T) {
	const viewed = `{"type":"track","anonymousId":"v-1","event":"Viewed"}`
	for traits, dropped := range map[string]int{`{"plan":1}`: 0, `{"a":[{"offence":1}]}`: 2} {
		s, _ := classified(t)
		s.grant(event.KindVisitor, "v-1", 0, 1, 2)
		s.collect(t, browser(RouteBatch, `{"context":{"traits":`+traits+`},"batch":[`+viewed+`,`+viewed+`]}`))
		if got := s.fates.dropped[event.ReasonCriminal]; got != dropped || len(s.log.records) != 2-dropped {
			t.Errorf("%s: dropped %d, stored %d", traits, got, len(s.log.records))
		}
	}
}

func TestSpecialNeedsGrantOnRecord(t *testing.T) {
	body := `{"anonymousId":"v-1","event":"Viewed","properties":{"Diagnosis":"x"},"context":{"consent":{"categoryPreferences":{"analytics":true}}}}`
	for _, c := range []struct {
		name             string
		special, granted bool
		body             string
		scope            event.Scope
		stored           bool
	}{
		{"no grant on record", true, false, body, 0, false},
		{"a purpose that may not", false, true, body, 0, false},
		{"a grant on record", true, true, body, event.ScopePeriod, true},
		{"a kept parameter", true, true, `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/?utm_source=x"}}}`, event.ScopePeriod, true},
		{"an ordinary event", false, false, `{"anonymousId":"v-1","event":"Viewed"}`, event.ScopeNone, true},
	} {
		s, site := classified(t)
		policy := *site.Policy
		policy.Purposes = append([]consent.Purpose(nil), policy.Purposes...)
		policy.Purposes[1].Special = c.special
		site.Policy = &policy
		if c.granted {
			s.grant(event.KindVisitor, "v-1", 1)
		}
		s.collect(t, browser(RouteTrack, c.body))
		if stored := len(s.log.records) == 1; stored != c.stored || stored && s.log.records[0].Scope != c.scope {
			t.Errorf("%s: %v", c.name, s.log.records)
		}
	}
}

func TestChildIsNotProfiled(t *testing.T) {
	s, _ := classified(t)
	s.grant(event.KindVisitor, "v-1", 1, 2)
	s.collect(t, browser(RouteTrack, `{"anonymousId":"v-1","event":"Viewed","context":{"page":{"url":"https://shop.example/kids/games"}}}`))
	if len(s.log.records) != 1 || s.log.records[0].Scope != event.ScopeNone {
		t.Errorf("stored %v", s.log.records)
	}
}

// A grant ends with its day, by the gateway's clock.
func TestGrantEnds(t *testing.T) {
	for until, scope := range map[consent.Day]event.Scope{
		0: event.ScopePeriod, consent.DayOf(now) + 1: event.ScopePeriod, consent.DayOf(now): event.ScopeNone,
	} {
		s := newStage(t)
		e := s.grant(event.KindVisitor, "v-1", 1)
		e.Record().Purposes[1].Until = until
		s.collect(t, browser(RouteTrack, `{"anonymousId":"v-1","event":"Viewed"}`))
		if len(s.log.records) != 1 || s.log.records[0].Scope != scope {
			t.Errorf("until %s: %v", until, s.log.records)
		}
	}
}

// An address that a server tells makes the rules stricter, never looser.
func TestPlaceOfSubject(t *testing.T) {
	policy := &consent.Policy{Establishment: consent.JurisdictionUS}
	in := func(j consent.Jurisdiction) *consent.Record { return &consent.Record{Place: j} }
	for _, c := range []struct {
		name    string
		secret  bool
		country string
		told    bool
		contact *consent.Record
		want    consent.Jurisdiction
	}{
		{"a page", false, "SK", false, nil, consent.JurisdictionEU},
		{"a page of a contact elsewhere", false, "US", false, in(consent.JurisdictionEU), consent.JurisdictionUS},
		{"a page from nowhere", false, "", false, nil, consent.JurisdictionUnknown},
		{"a server", true, "US", false, nil, consent.JurisdictionUnknown},
		{"a server that tells", true, "US", true, nil, consent.JurisdictionUnknown},
		{"a server about a contact", true, "SK", false, in(consent.JurisdictionUS), consent.JurisdictionUS},
		{"a server about a contact of no known country", true, "US", true, in(consent.JurisdictionUnknown), consent.JurisdictionUnknown},
		{"a server that tells the same", true, "US", true, in(consent.JurisdictionUS), consent.JurisdictionUS},
		{"a server that tells another", true, "BR", true, in(consent.JurisdictionEU), consent.JurisdictionUnknown},
	} {
		w := &work{site: &Site{Policy: policy}, secret: c.secret}
		it := &item{told: c.told, raw: event.Raw{Country: c.country}}
		if got := w.place(it, c.contact); got != c.want {
			t.Errorf("%s: %s, want %s", c.name, got, c.want)
		}
	}
}

// A claim is no statement: traits that a page claims of a contact are forgotten
// before anything looks at their keys, and are not stored. A server's are looked at,
// and so are those of the context, which come with the event.
func TestClaimedTraitsHaveNoClass(t *testing.T) {
	const claim = `{"anonymousId":"v-1","userId":"u-1","traits":{"offence":1,"diagnosis":2}}`
	for name, c := range map[string]struct {
		r       *Request
		dropped int
	}{
		"a page":            {browser(RouteIdentify, claim), 0},
		"a page's context":  {browser(RouteIdentify, `{"anonymousId":"v-1","userId":"u-1","context":{"traits":{"offence":1}}}`), 1},
		"a server":          {server(RouteIdentify, claim), 1},
		"a proof of userId": {browser(RouteIdentify, `{"proof":"`+proofOf("u-1")+`",`+claim[1:]), 0},
	} {
		s, _ := classified(t)
		s.grant(event.KindVisitor, "v-1", 0, 1, 2)
		s.collect(t, c.r)
		if s.fates.dropped[event.ReasonCriminal] != c.dropped || len(s.log.records) != 1-c.dropped {
			t.Errorf("%s: dropped %v, stored %d", name, s.fates.dropped, len(s.log.records))
		}
		for _, r := range s.log.records {
			if strings.Contains(fmt.Sprintf("%+v", r), "offence") {
				t.Errorf("%s: a claimed trait is stored", name)
			}
		}
	}
}

// Of several bystanders, every refusal and the strictest of places and ages hold.
func TestBystandersAddUp(t *testing.T) {
	a := consent.Record{Place: consent.JurisdictionUS, Minority: consent.Minority{Minor: 9, Ward: 5}}
	b := consent.Record{Place: consent.JurisdictionUS, OptOut: true, Minority: consent.Minority{Minor: 8, Ward: 7}}
	addRefusals(&a, &b)
	if !a.OptOut || a.Place != consent.JurisdictionUS || a.Minority != (consent.Minority{Minor: 9, Ward: 7}) {
		t.Errorf("%+v", a)
	}
	addRefusals(&a, &consent.Record{Place: consent.JurisdictionEU})
	if a.Place != consent.JurisdictionUnknown || !a.OptOut {
		t.Errorf("%+v", a)
	}
}

// An event about more people than a row can name is stored as nobody's.
func TestMoreThanARowCanName(t *testing.T) {
	for _, c := range []struct {
		previous string
		scope    event.Scope
	}{{"v-1", event.ScopePerson}, {"v-2", event.ScopeNone}} {
		s := newStage(t)
		site := s.deps.Sites.ByID("shop")
		contact := s.grant(event.KindUserID, "u-1", 0, 1, 2)
		for _, name := range []string{"v-1", "v-2"} {
			s.grant(event.KindVisitor, name, 0, 1, 2)
		}
		*s.people.person(h1(event.KindUserID, c.previous)) = *contact // linked by the alias
		r := server(RouteAlias, `{"userId":"u-1","anonymousId":"v-1","previousId":"`+c.previous+`"}`)
		cookied := site.ID
		r.withCookies(map[string]string{cookie.Visitor: s.jar.SealVisitor(cookied, [16]byte{7}, now)})
		s.collect(t, r)
		if len(s.log.records) != 1 || s.log.records[0].Scope != c.scope {
			t.Errorf("previousId %s: %v", c.previous, s.log.records)
		}
	}
}
