package config

import "testing"

// TestRevisionCoversTheWholeTable: what was asked (the version) stays the same
// when only the rules change; the revision, which rows carry, does not.
func TestRevisionCoversTheWholeTable(t *testing.T) {
	of := func(change func(*SiteConfig)) (version, revision uint32) {
		s := Demo()
		change(&s)
		p, err := s.policy()
		if err != nil {
			t.Fatal(err)
		}
		return p.Version, p.Revision
	}
	version, revision := of(func(*SiteConfig) {})
	if v, r := of(func(*SiteConfig) {}); v != version || r != revision {
		t.Error("the same table has two numbers")
	}
	for name, change := range map[string]func(*SiteConfig){
		"signals":    func(s *SiteConfig) { s.Signals = map[string]map[string]string{"gpc": {"profiling": "ask"}} },
		"retention":  func(s *SiteConfig) { s.Purposes[1].Retention = "6mo" },
		"categories": func(s *SiteConfig) { s.Categories = map[string]string{"Advertising": "marketing"} },
	} {
		if v, r := of(change); v != version || r == revision {
			t.Errorf("%s changed: version changed %v, revision changed %v", name, v != version, r != revision)
		}
	}
	if v, r := of(func(s *SiteConfig) { s.Purposes[1].Text["en"] += "!" }); v == version || r == revision {
		t.Error("a changed text has the same version or revision")
	}
}
