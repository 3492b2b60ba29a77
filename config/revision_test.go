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
		"adpc":       func(s *SiteConfig) { s.Signals = map[string]map[string]string{"adpc": {"profiling": "ask"}} },
		"a table": func(s *SiteConfig) {
			s.Jurisdictions = map[string]JurisdictionConfig{"us": {Signals: map[string]map[string]string{"gpc": {"profiling": "ask"}}}}
		},
		"establishment": func(s *SiteConfig) { s.Controller.Establishment = "" },
		"apart":         func(s *SiteConfig) { s.OutsideEURules = []string{"CH"} },
		"vendor":        func(s *SiteConfig) { s.TCF.Vendor = 7 },
		"tcf":           func(s *SiteConfig) { s.TCF.Purposes = map[string]TCFPurpose{"profiling": {Purposes: []uint8{1, 4}}} },
		"us opt-outs":   func(s *SiteConfig) { s.USOptOuts = map[string][]string{"profiling": {"sale", "targeted_advertising"}} },
		"google":        func(s *SiteConfig) { s.Google = map[string][]string{"profiling": nil} },
		"special":       func(s *SiteConfig) { s.Special.Keys = []string{"diagnosis"} },
		"criminal":      func(s *SiteConfig) { s.Criminal.Keys = []string{"diagnosis"} },
		"child":         func(s *SiteConfig) { s.Child.Events = []string{"diagnosis"} },
		"renewal":       func(s *SiteConfig) { s.Purposes[1].RenewAfter = "6mo" },
		"release":       func(s *SiteConfig) { s.ReleaseUnset = true },
		"cookieless":    func(s *SiteConfig) { s.Cookieless = "daily" },
		"guardian":      func(s *SiteConfig) { s.Purposes[1].Guardian = true },
	} {
		if v, r := of(change); v != version || r == revision {
			t.Errorf("%s changed: version changed %v, revision changed %v", name, v != version, r != revision)
		}
	}
	for name, change := range map[string]func(*SiteConfig){
		"text":    func(s *SiteConfig) { s.Purposes[1].Text["en"] += "!" },
		"device":  func(s *SiteConfig) { s.Purposes[1].TerminalAccess = "none" },
		"special": func(s *SiteConfig) { s.Purposes[1].Special = true },
	} {
		if v, r := of(change); v == version || r == revision {
			t.Errorf("%s changed: the version or the revision is the same", name)
		}
	}
}
