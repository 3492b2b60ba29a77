package config

import (
	"bytes"
	"strings"
	"testing"

	"zgoda/consent"
)

// related is a site whose analytics is related to its profiling, which is on
// consent and whose text names it.
func related(t *testing.T) SiteConfig {
	t.Helper()
	c, err := Parse([]byte(example))
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sites[0]
	p := &s.Purposes[1]
	p.Basis, p.RelatedTo, p.CompatibilityTest, p.Notice, p.TerminalAccess = "related", "profiling", "dpia-7", "notice-3", "none"
	p.Data, p.Recipients = []string{"pages"}, []string{"Post a.s."}
	other := &s.Purposes[2]
	other.Uses, other.Data, other.Recipients = []string{"analytics"}, []string{"orders", "pages"}, []string{"Post a.s."}
	p.Retention = other.Retention
	return s
}

// TestRelatedIsNotStretched: a purpose that leans on a consent does so only where
// the text of that names it, with no other data, recipients or time.
func TestRelatedIsNotStretched(t *testing.T) {
	good := related(t)
	if err := good.Validate(); err != nil {
		t.Fatal(err)
	}
	policy, err := good.policy()
	if err != nil || !policy.Purposes[1].Named || !policy.Purposes[1].Compatible || policy.Purposes[2].Named {
		t.Fatalf("named %v, %v", policy.Purposes[1].Named, err)
	}
	for name, c := range map[string]struct {
		change func(s *SiteConfig, p, other *PurposeConfig)
		want   string
	}{
		"not named":      {func(_ *SiteConfig, _, o *PurposeConfig) { o.Uses = nil }, "purposes[1].related_to: must name a purpose whose text names this one"},
		"another named":  {func(_ *SiteConfig, _, o *PurposeConfig) { o.Uses = []string{"research"} }, "list analytics under its uses and raise its version"},
		"more data":      {func(_ *SiteConfig, p, _ *PurposeConfig) { p.Data = []string{"health"} }, "purposes[1].data: must be among those of profiling"},
		"other eyes":     {func(_ *SiteConfig, p, _ *PurposeConfig) { p.Recipients = []string{"Broker"} }, "purposes[1].recipients: "},
		"longer":         {func(_ *SiteConfig, p, _ *PurposeConfig) { p.Retention = "20y" }, "purposes[1].retention: must not be longer"},
		"itself":         {func(_ *SiteConfig, _, o *PurposeConfig) { o.Uses = []string{"analytics", "profiling"} }, "purposes[2].uses[1]: is the purpose itself"},
		"twice":          {func(_ *SiteConfig, _, o *PurposeConfig) { o.Uses = []string{"analytics", "analytics"} }, "purposes[2].uses[1]: is there twice"},
		"no id":          {func(_ *SiteConfig, _, o *PurposeConfig) { o.Uses = []string{"analytics", "A b"} }, "purposes[2].uses[1]: must be the id"},
		"not on consent": {func(s *SiteConfig, _, _ *PurposeConfig) { s.Purposes[0].Uses = []string{"x"} }, "purposes[0].uses: is for basis consent only"},
	} {
		s := related(t)
		c.change(&s, &s.Purposes[1], &s.Purposes[2])
		if err := s.Validate(); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// TestRelatedToWhatIsOnConsentSomewhere: where the other purpose rests on consent
// in one jurisdiction alone, its text must name the use there too.
func TestRelatedToWhatIsOnConsentSomewhere(t *testing.T) {
	s := related(t)
	other := PurposeConfig{ID: "base", Basis: consent.BasisLegitimateInterest.String(), TerminalAccess: "none"}
	if s.onConsent(&other) {
		t.Error("an interest without device access is no consent")
	}
	s.Jurisdictions = map[string]JurisdictionConfig{"us": {Basis: map[string]string{"base": "consent"}}}
	if !s.onConsent(&other) {
		t.Error("a consent in the US is one")
	}
	s.Jurisdictions, other.TerminalAccess = nil, ""
	if !s.onConsent(&other) {
		t.Error("device access is consented to under the rules of the EU")
	}
}

// TestUsesAreScope: to name another use is to change what people agreed to, so
// that it wants a new version; the order of a list is nothing.
func TestUsesAreScope(t *testing.T) {
	s := related(t)
	p := &s.Purposes[2]
	before := p.Scope()
	p.Data = []string{"pages", "orders"}
	if p.Scope()["data"] != before["data"] {
		t.Error("another order is another scope")
	}
	p.Uses = append(p.Uses, "research")
	if p.Scope()["uses"] == before["uses"] || before["uses"] == "" {
		t.Error("another use is the same scope")
	}
}

func TestExplainUses(t *testing.T) {
	s := related(t)
	var out bytes.Buffer
	if err := s.Explain(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"The text of profiling names it.", "Its text names the further use for analytics; a grant is for no other. A grant counts"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said", want)
		}
	}
}
