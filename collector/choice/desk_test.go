package choice

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/consent/cookie"
	"zgoda/event"
)

func TestNothingBeforeConsent(t *testing.T) {
	p, l := setUp(t)
	s := p.read()
	if s.Chosen || s.Visitor || s.GPC || s.Version != 7 {
		t.Errorf("%+v", s)
	}
	expect(t, s, "measurement", true, "basis")
	expect(t, s, "analytics", false, "default")
	expect(t, s, "profiling", false, "default")
	if len(l.metas) != 0 {
		t.Error("a GET wrote to the ledger")
	}
}

func TestGrantMintsVisitorAndWritesLedger(t *testing.T) {
	p, l := setUp(t)
	a := p.write(`{"key":"pk","version":7,"locale":"pl","surface":"dialogue","choices":{"analytics":true,"profiling":false}}`)
	if a.Status != 200 {
		t.Fatalf("status %d: %+v", a.Status, a.Problem)
	}
	if !a.State.Visitor || !a.State.Chosen {
		t.Errorf("%+v", a.State)
	}
	expect(t, a.State, "analytics", true, "ledger")
	if a.State.Purposes["profiling"].Allowed {
		t.Error("profiling was refused")
	}
	if len(l.metas) != 1 || l.metas[0].Locale != "pl" || l.metas[0].Surface != "dialogue" || l.metas[0].GPC || len(l.records) != 1 {
		t.Errorf("%+v", l.metas)
	}
	for _, c := range a.Cookies {
		if c.MaxAge <= 0 || c.MaxAge > 400*24*time.Hour {
			t.Errorf("%s lives %s", c.Name, c.MaxAge)
		}
	}
	again := p.read()
	expect(t, again, "analytics", true, "ledger")
	if c := again.Purposes["analytics"].Choice; c == nil || !*c {
		t.Error("what was said is forgotten")
	}
}

func TestRefusalMintsNobody(t *testing.T) {
	p, l := setUp(t)
	s := p.choose(`{"analytics":false,"profiling":false}`)
	if s.Visitor || !s.Chosen || len(l.records) != 0 || p.cookies[cookie.Visitor] != "" || p.cookies[cookie.Choice] == "" {
		t.Errorf("%+v, %d records", s, len(l.records))
	}
	expect(t, s, "analytics", false, "cookie")
}

func TestFullRefusalWithdrawsAndForgetsVisitor(t *testing.T) {
	p, l := setUp(t)
	p.choose(`{"analytics":true,"profiling":true}`)
	visitor := p.cookies[cookie.Visitor]
	s := p.choose(`{"analytics":false}`)
	if !s.Visitor || p.cookies[cookie.Visitor] == "" {
		t.Error("profiling is still granted: the visitor stays")
	}
	s = p.choose(`{"analytics":false,"profiling":false}`)
	if s.Visitor || p.cookies[cookie.Visitor] != "" || p.cookies[cookie.Choice] == "" {
		t.Errorf("%+v", s)
	}
	for _, r := range l.records {
		if r.Purposes[2].Choice != consent.ChoiceRefused {
			t.Error("the withdrawal is not in the ledger")
		}
	}
	// The old cookie, kept by somebody, still speaks for the visitor who withdrew.
	p.cookies[cookie.Visitor] = visitor
	delete(p.cookies, cookie.Choice)
	if p.read().Purposes["profiling"].Allowed {
		t.Error("an old cookie brings a grant back")
	}
}

func TestGPC(t *testing.T) {
	p, l := setUp(t)
	p.headers["Sec-GPC"] = "1"
	s := p.choose(`{"profiling":true}`)
	expect(t, s, "profiling", false, "gpc")
	if !s.GPC || s.Visitor || len(l.records) != 0 {
		t.Errorf("the browser refuses it: no identifier may be made: %+v", s)
	}
	s = p.choose(`{"analytics":true}`)
	expect(t, s, "analytics", true, "ledger")
	expect(t, s, "profiling", false, "gpc")
	if !s.Visitor || len(l.metas) != 1 || !l.metas[0].GPC {
		t.Errorf("%+v %+v", s, l.metas)
	}
}

func TestLinkedVisitorLearnsNothingOfTheContact(t *testing.T) {
	p, l := setUp(t)
	before := p.choose(`{"analytics":true,"profiling":true}`)
	l.linked = true
	after := p.read()
	one, _ := json.Marshal(before)
	two, _ := json.Marshal(after)
	if string(one) != string(two) {
		t.Errorf("a contact shows through a visitor's cookie:\n%s\n%s", one, two)
	}
}

func TestOtherVersionCannotGrant(t *testing.T) {
	p, _ := setUp(t)
	a := p.write(`{"key":"pk","version":"6","choices":{"analytics":true}}`)
	if a.Status != 409 || a.Problem.Field != "version" || len(a.Cookies) != 0 {
		t.Errorf("status %d, field %s", a.Status, a.Problem.Field)
	}
	if a = p.write(`{"key":"pk","version":"6","choices":{"analytics":false}}`); a.Status != 200 {
		t.Errorf("a refusal always counts: status %d", a.Status)
	}
}

func TestAwayGrantsNothing(t *testing.T) {
	p, l := setUp(t)
	l.away = true
	a := p.write(`{"key":"pk","version":"7","choices":{"analytics":true}}`)
	if a.Status != 503 || a.RetryAfter < 1 || len(a.Cookies) != 0 || a.State != nil {
		t.Errorf("%+v", a)
	}
	l.away = false
	p.choose(`{"analytics":true}`)
	l.away = true
	if a := p.desk.Read(context.Background(), p.request()); a.Status != 503 || a.State != nil {
		t.Errorf("%+v", a)
	}
}

func TestForgedCookies(t *testing.T) {
	p, l := setUp(t)
	p.choose(`{"analytics":true}`)
	good := p.cookies[cookie.Visitor]
	for i := range len(good) {
		forged := []byte(good)
		forged[i] ^= 1
		p.cookies[cookie.Visitor] = string(forged)
		if p.read().Visitor {
			t.Fatalf("byte %d changed and still somebody", i)
		}
	}
	p.cookies[cookie.Visitor] = good
	p.cookies[cookie.Choice] += "x"
	s := p.read()
	expect(t, s, "analytics", false, "unreadable")
	if len(l.records) != 1 {
		t.Errorf("%d visitors", len(l.records))
	}
}

func TestWhoMayChoose(t *testing.T) {
	const body = `{"key":"KEY","version":"7","choices":{"analytics":true}}`
	for name, c := range map[string]struct {
		key    string
		change func(*Request)
		status int
		field  string
	}{
		"listed":              {"pk", func(*Request) {}, 200, ""},
		"no fetch metadata":   {"pk", func(r *Request) { r.FetchSite = nil }, 200, ""},
		"same origin":         {"pk", func(r *Request) { r.FetchSite = []byte("same-origin") }, 200, ""},
		"cross site":          {"pk", func(r *Request) { r.FetchSite = []byte("cross-site") }, 403, "Sec-Fetch-Site"},
		"typed":               {"pk", func(r *Request) { r.FetchSite = []byte("none") }, 403, "Sec-Fetch-Site"},
		"no origin":           {"pk", func(r *Request) { r.Origin = nil }, 403, "Origin"},
		"other origin":        {"pk", func(r *Request) { r.Origin = []byte("https://evil.example") }, 403, "Origin"},
		"null origin":         {"pk", func(r *Request) { r.Origin = []byte("null") }, 403, "Origin"},
		"secret key":          {"sk", func(*Request) {}, 401, "key"},
		"unknown key":         {"pk2", func(*Request) {}, 401, "key"},
		"demo from elsewhere": {"demo-key", func(r *Request) { r.Origin = []byte("http://127.0.0.1:8080") }, 401, "key"},
	} {
		t.Run(name, func(t *testing.T) {
			p, l := setUp(t)
			r := p.request()
			r.Body = []byte(strings.ReplaceAll(body, "KEY", c.key))
			c.change(r)
			a := p.desk.Write(context.Background(), r)
			if a.Status != c.status || a.Problem.Field != c.field {
				t.Errorf("status %d field %q, want %d %q", a.Status, a.Problem.Field, c.status, c.field)
			}
			if (a.Status == 200) != (len(l.records) == 1) || (a.Status != 200 && len(a.Cookies) != 0) {
				t.Errorf("%d records, %d cookies", len(l.records), len(a.Cookies))
			}
		})
	}
}

func TestStrictBody(t *testing.T) {
	for body, field := range map[string]string{
		``:                                       "body",
		`[]`:                                     "body",
		"{\"key\":\"\xff\"}":                     "body",
		strings.Repeat("[", 5000):                "body",
		`{"choices":{"analytics":true}}`:         "key",
		`{"key":1,"choices":{"analytics":true}}`: "key",
		`{"key":"pk"}`:                           "choices",
		`{"key":"pk","choices":{}}`:              "choices",
		`{"key":"pk","choices":[]}`:              "choices",
		`{"key":"pk","choices":{"analytics":"yes"}}`:                                                      "choices",
		`{"key":"pk","choices":{"analytics":null}}`:                                                       "choices",
		`{"key":"pk","choices":{"other":true},"version":"7"}`:                                             "choices",
		`{"key":"pk","choices":{"analytics":true,"analytics":false},"version":"7"}`:                       "choices",
		`{"key":"pk","key":"pk","choices":{"analytics":true},"version":"7"}`:                              "body",
		`{"key":"pk","choices":{"analytics":true}}`:                                                       "version",
		`{"key":"pk","choices":{"analytics":true},"version":"7.0"}`:                                       "version",
		`{"key":"pk","choices":{"analytics":true},"version":7e0}`:                                         "version",
		`{"key":"pk","choices":{"analytics":true},"version":"7","locale":"p l"}`:                          "locale",
		`{"key":"pk","choices":{"analytics":true},"version":"7","locale":"420777123456-85-05-12"}`:        "locale",
		`{"key":"pk","choices":{"analytics":true},"version":"7","locale":"jana-novakova"}`:                "locale",
		`{"key":"pk","choices":{"analytics":true},"version":"7","locale":7}`:                              "locale",
		`{"key":"pk","choices":{"analytics":true},"version":"7","surface":"Jana.Novakova_10.20.30.40"}`:   "surface",
		`{"key":"pk","choices":{"analytics":true},"version":"7","surface":"Dialogue"}`:                    "surface",
		`{"key":"pk","choices":{"analytics":true},"version":"7","surface":"<script>"}`:                    "surface",
		`{"key":"pk","choices":{"analytics":true},"version":"7","visitor":"me"}`:                          "body",
		`{"key":"pk","choices":{"analytics":true},"version":"7"} x`:                                       "body",
		`{"key":"pk","choices":{"analytics":true},"version":"7","x":"` + strings.Repeat("y", 9000) + `"}`: "body",
	} {
		p, l := setUp(t)
		a := p.write(body)
		if a.Status < 400 || a.Status >= 500 || a.Problem.Field != field || len(l.records) != 0 {
			t.Errorf("%.60q: status %d field %q, want %q", body, a.Status, a.Problem.Field, field)
		}
	}
}

// A visitor exists in the browser exactly while something that needs one is granted.
func TestVisitorFollowsGrants(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p, _ := setUp(t)
		held := map[string]bool{}
		for range rapid.IntRange(1, 8).Draw(rt, "choices") {
			said := map[string]bool{}
			for _, id := range []string{"measurement", "analytics", "profiling"} {
				if rapid.Bool().Draw(rt, "says") {
					said[id] = rapid.Bool().Draw(rt, "grants")
					held[id] = said[id]
				}
			}
			if len(said) == 0 {
				continue
			}
			body, _ := json.Marshal(said)
			s := p.choose(string(body))
			want := held["analytics"] || held["profiling"]
			if s.Visitor != want || (p.cookies[cookie.Visitor] != "") != want {
				rt.Fatalf("visitor %v after %v", s.Visitor, held)
			}
			for _, id := range []event.PurposeID{"analytics", "profiling"} {
				if s.Purposes[id].Allowed != held[string(id)] {
					rt.Fatalf("%s: %v after %v", id, s.Purposes[id].Allowed, held)
				}
			}
		}
	})
}

func TestConfig(t *testing.T) {
	if err := DefaultConfig().Validate(); err != nil {
		t.Fatal(err)
	}
	err := Config{}.Validate()
	if err == nil || !strings.Contains(err.Error(), "max_choice_bytes") || !strings.Contains(err.Error(), "retry_after") {
		t.Errorf("%v", err)
	}
	if _, err := New(DefaultConfig(), Deps{}); err == nil {
		t.Error("no dependencies, no error")
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`{"key":"pk","version":"7","choices":{"analytics":true},"locale":"pl","surface":"dialogue"}`))
	f.Add([]byte(`{"key":"pk","choices":{"a":false}}`))
	f.Add([]byte(`{}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		s, fault := parse(body)
		if (s == nil) == (fault == nil) {
			t.Fatal("neither or both")
		}
		if s != nil && (s.key == "" || len(s.choices) == 0 || len(s.choices) > event.MaxPurposes) {
			t.Fatal("accepted half a choice")
		}
	})
}

// TestPlaceOfTheAddress: reading and choosing are decided under the rules of the
// country that the address is in, as events are; an address without a country is
// everywhere, so that the strictest rules hold.
func TestPlaceOfTheAddress(t *testing.T) {
	placed := *policy
	placed.Establishment = consent.JurisdictionOther
	placed.Tables = []consent.Table{{Jurisdiction: consent.JurisdictionEU, Rules: []consent.Rule{
		{Basis: consent.BasisConsent, GPC: consent.ReachIgnore, DNT: consent.ReachIgnore}, // measurement
		{Basis: consent.BasisConsent, GPC: consent.ReachAsk, DNT: consent.ReachRefuse},
		{}, // profiling: never
	}}}
	for address, c := range map[string]struct {
		measurement, profiling bool
	}{
		"192.0.2.1":    {false, false}, // EU
		"203.0.113.1":  {true, true},   // elsewhere
		"198.51.100.1": {true, true},
		"192.0.2.99":   {false, false}, // not known
	} {
		t.Run(address, func(t *testing.T) {
			p, _ := setUpWith(t, &placed)
			p.address = address
			if got := p.read().Purposes["measurement"].Allowed; got != c.measurement {
				t.Errorf("before a choice: measurement %v", got)
			}
			said := p.choose(`{"profiling":true}`)
			read := p.read()
			for _, s := range []*State{said, read} {
				if s.Purposes["measurement"].Allowed != c.measurement || s.Purposes["profiling"].Allowed != c.profiling {
					t.Errorf("%+v", s.Purposes)
				}
			}
		})
	}
}
