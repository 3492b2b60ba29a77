package choice

import (
	"fmt"
	"testing"

	"zgoda/consent/cookie"
	"zgoda/event"
)

// TestEveryChoiceIsWritten: whether something was on record already must not be
// told by the time an answer takes, so each choice goes to the ledger. The
// gateway limits how many there can be.
func TestEveryChoiceIsWritten(t *testing.T) {
	p, l := setUp(t)
	for n := 1; n <= 3; n++ {
		l.linked = n == 3
		p.choose(`{"analytics":true,"profiling":false}`)
		if len(l.metas) != n {
			t.Errorf("choice %d: %d writes", n, len(l.metas))
		}
	}
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
