package config

import (
	"strings"
	"testing"
)

// TestCookieless: off unless it is said, refused where it is wrong or could do
// nothing, and told in sentences with their caution.
func TestCookieless(t *testing.T) {
	site := func(change func(*SiteConfig)) SiteConfig {
		s := Demo()
		s.Purposes[1].Basis, s.Purposes[1].TerminalAccess = "legitimate_interest", accessNone
		s.Cookieless = "daily"
		if change != nil {
			change(&s)
		}
		return s
	}
	for _, c := range []struct {
		name   string
		change func(*SiteConfig)
		want   string // of the error; empty: none
		daily  bool
	}{
		{name: "daily", daily: true},
		{name: "off", change: func(s *SiteConfig) { s.Cookieless = "off" }},
		{name: "left out", change: func(s *SiteConfig) { s.Cookieless = "" }},
		{name: "unknown", change: func(s *SiteConfig) { s.Cookieless = "weekly" }, want: "site.cookieless: must be off or daily"},
		{name: "no origin", change: func(s *SiteConfig) { s.Origins = nil }, want: "site.cookieless: is for pages"},
		{name: "on consent", change: func(s *SiteConfig) { s.Purposes[1].Basis = "consent" }, want: "site.cookieless: counts nobody"},
		{name: "no analytics", change: func(s *SiteConfig) { s.Purposes = s.Purposes[:1] }, want: "site.cookieless: counts nobody"},
		{name: "on consent but in one place", daily: true, change: func(s *SiteConfig) {
			s.Purposes[1].Basis = "consent"
			s.Jurisdictions = map[string]JurisdictionConfig{"us": {Basis: map[string]string{"analytics": "legitimate_interest"}}}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := site(c.change)
			made, err := s.Site()
			if c.want != "" {
				if err == nil || !strings.Contains(err.Error(), c.want) {
					t.Errorf("%v", err)
				}
				return
			}
			var b strings.Builder
			if err != nil || s.Explain(&b) != nil || made.Cookieless != c.daily {
				t.Fatalf("%v, on %v", err, made.Cookieless)
			}
			told, cautioned := strings.Contains(b.String(), "a pseudonym of one day"), strings.Contains(b.String(), "EDPB's Guidelines 2/2023")
			if told != c.daily || cautioned != c.daily || strings.Contains(b.String(), "counted as nobody") == c.daily {
				t.Errorf("says: %s", b.String())
			}
		})
	}
	if _, err := Parse([]byte("sites: [{id: shop, cookieless: [daily]}]")); err == nil {
		t.Error("a list, and no error")
	}
}
