package choice

import (
	"strings"
	"testing"

	"zgoda/consent/cookie"
)

// TC strings of February 2026, when they needed no disclosed vendors yet.
const (
	tcYes  = "CQf7GgAQf7GgAAKABBAABkFoAPGAAAIAAAAAAAAAAAAA"
	gppOut = "DBABRg~BVUAABo"
)

func (r *Request) with(queries, cookies map[string]string) *Request {
	each := func(values map[string]string) func(string, func([]byte) bool) {
		return func(name string, yield func([]byte) bool) {
			if v, ok := values[name]; ok {
				yield([]byte(v))
			}
		}
	}
	r.Queries, r.Cookies = each(queries), each(cookies)
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
