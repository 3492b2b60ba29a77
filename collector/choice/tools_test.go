package choice

import (
	"slices"
	"strings"
	"testing"

	"zgoda/consent"
	"zgoda/consent/cookie"
)

// TC strings of February 2026, when they needed no disclosed vendors yet.
const (
	tcYes  = "CQf7GgAQf7GgAAKABBAABkFoAPGAAAIAAAAAAAAAAAAA"
	gppOut = "DBABRg~BVUAABo"
)

func (r *Request) with(queries, cookies map[string]string) *Request {
	all := func(values map[string]string) func(func(name, value []byte) bool) {
		return func(yield func(name, value []byte) bool) {
			for name, v := range values {
				if !yield([]byte(name), []byte(v)) {
					return
				}
			}
		}
	}
	r.Queries, r.Cookies = all(queries), all(cookies)
	return r
}

type texts = map[string]string

// A choice keeps the strings that it came with, as far as they can be read.
func TestChoiceKeepsItsStrings(t *testing.T) {
	for name, c := range map[string]struct {
		queries, cookies texts
		want             string
	}{
		"none":         {nil, nil, ""},
		"a TC string":  {texts{"gdpr_consent": tcYes}, nil, tcYes},
		"a cookie":     {nil, texts{"euconsent-v2": `"` + tcYes + `"`}, tcYes},
		"both alike":   {texts{"gdpr_consent": tcYes}, texts{"euconsent-v2": tcYes}, tcYes},
		"three":        {texts{"gpp": gppOut, "us_privacy": "1YNN"}, texts{"euconsent-v2": tcYes}, tcYes + " " + gppOut + " 1YNN"},
		"not readable": {texts{"gdpr_consent": "jane@example.com", "gpp": "DBAA~canary", "us_privacy": "canary"}, nil, ""},
	} {
		p, l := setUp(t)
		r := p.request().with(c.queries, c.cookies)
		r.Body = []byte(`{"key":"pk","version":"7","choices":{"analytics":true}}`)
		if a := p.desk.Write(t.Context(), r); a.Status != 200 {
			t.Fatalf("%s: status %d", name, a.Status)
		}
		if len(l.metas) == 0 && c.want == "" && name == "not readable" {
			continue // no identifier was made, so nothing was written
		}
		if len(l.metas) != 1 || l.metas[0].RawSignal != c.want {
			t.Errorf("%s: %+v, want %q", name, l.metas, c.want)
		}
	}
}

// Other consent tools of the browser are part of the state, and no identifier is
// made for a purpose that they refuse.
func TestOtherToolsCount(t *testing.T) {
	for name, header := range map[string]string{"withdrawn": "withdraw=*", "unreadable": "=", "by name": "withdraw=analytics"} {
		p, l := setUp(t)
		p.headers["ADPC"] = header
		s := p.choose(`{"analytics":true}`)
		if s.Purposes["analytics"].Allowed || s.Visitor || len(l.records) != 0 || p.cookies[cookie.Visitor] != "" {
			t.Errorf("%s: %+v", name, s)
		}
		if by := s.Purposes["analytics"].By; by != "adpc" && by != "unreadable" {
			t.Errorf("%s: by %s", name, by)
		}
	}
	p, _ := setUp(t)
	a := p.desk.Read(t.Context(), p.request().with(texts{"us_privacy": strings.Repeat("x", 9)}, nil))
	if a.Status != 200 || a.State.Purposes["analytics"].By != "unreadable" || !a.State.Purposes["measurement"].Allowed {
		t.Errorf("%+v", a.State)
	}
}

// asking is the policy of a site whose analytics asks when ADPC withdraws it.
func asking() *consent.Policy {
	asks := *policy
	asks.Purposes = slices.Clone(policy.Purposes)
	asks.Purposes[1].ADPC = consent.ReachAsk
	return &asks
}

// A grant in the dialogue beats ADPC that asks, if ADPC stood against that very
// purpose when the person agreed; nothing else does.
func TestADPC(t *testing.T) {
	for name, c := range map[string]struct {
		first, then       string // ADPC with the choice, and later
		gpcFirst, gpcThen string
		by                string // who decides later; the ledger allows
		marked            bool
	}{
		"present both times":         {first: "withdraw=*", then: "withdraw=*", by: "ledger", marked: true},
		"by name, then all":          {first: "withdraw=analytics.v2", then: "withdraw=*", by: "ledger", marked: true},
		"not any more":               {first: "withdraw=*", by: "ledger", marked: true},
		"only later":                 {then: "withdraw=*", by: "adpc"},
		"against another purpose":    {first: "withdraw=profiling", then: "withdraw=analytics", by: "adpc"},
		"granted in the same header": {first: `withdraw=*, consent="analytics.v2"`, then: "withdraw=*", by: "adpc"},
		"an objection to marketing":  {first: "object=direct-marketing", then: "withdraw=*", by: "adpc"},
		"another signal was present": {gpcFirst: "1", then: "withdraw=*", by: "adpc"},
		"another signal came later":  {first: "withdraw=*", then: "withdraw=*", gpcThen: "1", by: "gpc", marked: true},
	} {
		t.Run(name, func(t *testing.T) {
			p, l := setUpWith(t, asking())
			p.send("ADPC", c.first)
			p.send("Sec-GPC", c.gpcFirst)
			s := p.choose(`{"analytics":true}`)
			expect(t, s, "analytics", true, "ledger")
			if s.ADPC != (c.first != "") || len(l.metas) != 1 || slices.Contains(l.metas[0].ADPC, "analytics") != c.marked {
				t.Errorf("adpc %v, %+v", s.ADPC, l.metas)
			}
			p.send("ADPC", c.then)
			p.send("Sec-GPC", c.gpcThen)
			expect(t, p.read(), "analytics", c.by == "ledger", c.by)
		})
	}
}

// send sets a header for the requests that follow, or takes it away.
func (p *person) send(header, value string) {
	delete(p.headers, header)
	if value != "" {
		p.headers[header] = value
	}
}

// What cannot be read is not a signal that somebody overruled.
func TestUnreadableADPCIsNotRecorded(t *testing.T) {
	p, l := setUpWith(t, asking())
	p.choose(`{"analytics":true}`) // the visitor is known from now on
	p.send("ADPC", `withdraw=analytics, withdraw="`)
	s := p.choose(`{"analytics":true}`)
	if s.Purposes["analytics"].Allowed || s.ADPC || len(l.metas) != 2 || l.metas[1].ADPC != nil {
		t.Errorf("%+v, %+v", s, l.metas)
	}
}
