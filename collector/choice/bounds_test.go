package choice

import (
	"fmt"
	"testing"

	"zgoda/consent/cookie"
	"zgoda/event"
)

// TestNothingChangedIsNotWritten: what is on record as it is said now needs no
// second entry in a ledger that nothing is ever taken out of.
func TestNothingChangedIsNotWritten(t *testing.T) {
	p, l := setUp(t)
	writes := func(what string, want int) {
		t.Helper()
		if len(l.metas) != want {
			t.Errorf("%s: %d writes, want %d", what, len(l.metas), want)
		}
	}
	p.choose(`{"analytics":true,"profiling":false}`)
	writes("the first choice", 1)
	s := p.choose(`{"analytics":true,"profiling":false}`)
	writes("the same again", 1)
	expect(t, s, "analytics", true, "ledger")
	p.choose(`{"profiling":false}`)
	writes("a part of it", 1)
	p.choose(`{"analytics":true,"profiling":true}`)
	writes("one of two changed", 2)
	p.headers["Sec-GPC"] = "1"
	p.choose(`{"analytics":true,"profiling":true}`)
	writes("the same, under GPC", 3)
	delete(p.headers, "Sec-GPC")
	for h, r := range l.records { // as an operator records it
		r.Purposes[1].Dialogue, r.Purposes[1].GPC = false, false
		l.records[h] = r
	}
	p.choose(`{"analytics":true}`)
	writes("on record, but not from the dialogue", 4)
	for h, r := range l.records { // of older texts
		r.Purposes[1].Version--
		l.records[h] = r
	}
	p.choose(`{"analytics":true}`)
	writes("older texts", 5)
	l.linked = true
	p.choose(`{"analytics":true}`)
	writes("linked: whether it is on record is not told", 6)
}

func TestLocalesAndSurfaces(t *testing.T) {
	for sent, kept := range map[string]string{
		"sk": "sk", "pl-PL": "pl-PL", "EN-gb": "en-GB", "sr-latn-rs": "sr-Latn-RS", "csb": "csb", "zh-Hant": "zh-Hant", "": "",
	} {
		p, l := setUp(t)
		if a := p.write(fmt.Sprintf(`{"key":"pk","version":"7","locale":%q,"choices":{"analytics":true}}`, sent)); a.Status != 200 || l.metas[0].Locale != kept {
			t.Errorf("%q: status %d", sent, a.Status)
		}
	}
	for _, bad := range []string{"e", "engl", "en-", "-en", "en-1a", "en-US-x", "en-USA", "en-US-Latn", "es-419", "en_US", "ca-valencia", "en-Latn-US-a"} {
		p, l := setUp(t)
		if a := p.write(fmt.Sprintf(`{"key":"pk","version":"7","locale":%q,"choices":{"analytics":true}}`, bad)); a.Status != 400 || a.Problem.Field != "locale" || len(l.metas) != 0 {
			t.Errorf("%q: status %d field %q", bad, a.Status, a.Problem.Field)
		}
	}
	for surface := range surfaces {
		p, l := setUp(t)
		if a := p.write(fmt.Sprintf(`{"key":"pk","version":"7","surface":%q,"choices":{"analytics":true}}`, surface)); a.Status != 200 || l.metas[0].Surface != surface {
			t.Errorf("%q: status %d", surface, a.Status)
		}
	}
}

// TestTwoSitesOfOneHost: the browser sends both sites the same cookies.
func TestTwoSitesOfOneHost(t *testing.T) {
	p, _ := setUp(t)
	blog := func(choices string) {
		t.Helper()
		if a := p.write(`{"key":"pk-blog","version":"7","choices":` + choices + `}`); a.Status != 200 {
			t.Fatalf("blog: %d %+v", a.Status, a.Problem)
		}
	}
	p.choose(`{"measurement":false,"analytics":false,"profiling":false}`)
	blog(`{"analytics":true}`)
	s := p.read()
	for _, id := range []event.PurposeID{"measurement", "analytics", "profiling"} {
		expect(t, s, id, false, "cookie")
	}
	if s.Visitor || p.cookies[cookie.Visitor] == "" {
		t.Error("the blog's visitor is the shop's, or gone")
	}
	p.choose(`{"analytics":true}`)
	blog(`{"analytics":false}`)
	if s = p.read(); !s.Visitor || !s.Purposes["analytics"].Allowed {
		t.Errorf("the blog's withdrawal reached the shop: %+v", s)
	}
	p.choose(`{"analytics":false}`)
	if p.cookies[cookie.Visitor] != "" {
		t.Error("a visitor of nobody is left")
	}
}
