package config

import (
	"strings"

	"zgoda/consent"
)

// JurisdictionConfig says how the rules of one jurisdiction differ from what the
// purposes and signals of the site say.
type JurisdictionConfig struct {
	Basis   map[string]string            `yaml:"basis,omitempty"`   // purpose, basis
	Signals map[string]map[string]string `yaml:"signals,omitempty"` // signal, purpose, reach
}

// The names of the signals in the table of reaches.
const (
	signalGPC  = "gpc"
	signalDNT  = "dnt"
	signalADPC = "adpc"
)

var signalNames = []string{signalGPC, signalDNT, signalADPC}

// The names of the jurisdictions that rules are written by.
const (
	jurisdictionEU    = "eu"
	jurisdictionUS    = "us"
	jurisdictionOther = "other"
)

// apart are the countries that a site may hold apart from the rules of the EU.
var apart = []string{"GB", "CH"}

// country is the country of the establishment, without the state.
func (c Controller) country() string {
	code, _, _ := strings.Cut(c.Establishment, "-")
	return code
}

// place returns whose rules bind the controller by its establishment.
func (c Controller) place(p *consent.Policy) consent.Jurisdiction {
	code, region, _ := strings.Cut(c.Establishment, "-")
	return p.Place(code, region)
}

// apartFrom fills in which countries are held apart from the rules of the EU.
func (s *SiteConfig) apartFrom(p *consent.Policy) {
	for _, c := range s.OutsideEURules {
		p.UKApart = p.UKApart || c == "GB"
		p.SwissApart = p.SwissApart || c == "CH"
	}
}

// establishment returns whose rules bind the site's controller wherever people
// are.
func (s *SiteConfig) establishment() consent.Jurisdiction {
	var p consent.Policy
	s.apartFrom(&p)
	return s.Controller.place(&p)
}

// underEU says whether the rules of the EU bind the controller everywhere. Those
// of an establishment that is not known do.
func (s *SiteConfig) underEU() bool {
	j := s.establishment()
	return j == consent.JurisdictionEU || j == consent.JurisdictionUnknown
}

// reachDefault returns what a signal does to a purpose where nothing is said.
// ADPC speaks of the purpose itself, so it always holds.
func reachDefault(signal string, k consent.Kind, b consent.Basis) consent.Reach {
	switch signal {
	case signalGPC:
		return consent.DefaultGPC(k, b)
	case signalDNT:
		return consent.DefaultDNT(k)
	default:
		return consent.ReachRefuse
	}
}

// reachOfRule returns the place of a signal in a rule.
func reachOfRule(r *consent.Rule, signal string) *consent.Reach {
	switch signal {
	case signalGPC:
		return &r.GPC
	case signalDNT:
		return &r.DNT
	default:
		return &r.ADPC
	}
}

// rule returns what a purpose rests on, and what signals do to it, where no
// jurisdiction says otherwise.
func (s *SiteConfig) rule(p *PurposeConfig) consent.Rule {
	kind, _ := consent.ParseKind(p.Kind)
	basis, _ := consent.ParseBasis(p.Basis)
	r := consent.Rule{Basis: basis}
	for _, signal := range signalNames {
		reach := reachDefault(signal, kind, basis)
		if text, ok := s.Signals[signal][p.ID]; ok {
			reach, _ = consent.ParseReach(text) // an unknown one refuses
		}
		*reachOfRule(&r, signal) = reach
	}
	return r
}

// ruleIn returns the same for a jurisdiction: that of a state of the US starts
// from the US's. Where nothing is said for the EU, and the controller is not
// bound by its rules everywhere, the purpose gets what those rules leave of it.
func (s *SiteConfig) ruleIn(name string, p *PurposeConfig) consent.Rule {
	r := s.rule(p)
	if strings.HasPrefix(name, jurisdictionUS+"-") {
		r = s.ruleIn(jurisdictionUS, p)
	}
	table, ok := s.Jurisdictions[name]
	if ok {
		r = s.override(r, p, table)
	}
	if name == jurisdictionEU && !ok && !s.underEU() {
		r = leftByEU(r, p)
	}
	return r
}

func (s *SiteConfig) override(r consent.Rule, p *PurposeConfig, table JurisdictionConfig) consent.Rule {
	kind, _ := consent.ParseKind(p.Kind)
	if basis, ok := consent.ParseBasis(table.Basis[p.ID]); ok && basis != r.Basis {
		r.Basis = basis
		for _, signal := range signalNames {
			if _, said := s.Signals[signal][p.ID]; !said {
				*reachOfRule(&r, signal) = reachDefault(signal, kind, basis)
			}
		}
	}
	for _, signal := range signalNames {
		if text, ok := table.Signals[signal][p.ID]; ok {
			*reachOfRule(&r, signal), _ = consent.ParseReach(text) // an unknown one refuses
		}
	}
	return r
}

// leftByEU returns what the rules of the EU leave of a rule: the device needs
// consent, and a signal is an objection to a legitimate interest.
func leftByEU(r consent.Rule, p *PurposeConfig) consent.Rule {
	if r.Basis != consent.BasisConsent && p.onDevice() && p.Exemption == "" {
		r.Basis = consent.BasisConsent
	}
	if objects(r.Basis, p) {
		for _, signal := range signalNames {
			if reach := reachOfRule(&r, signal); *reach == consent.ReachIgnore {
				*reach = consent.ReachRefuse
			}
		}
	}
	return r
}

// objects says whether a browser's signal is an objection (GDPR Art. 21(5)) to a
// purpose on the basis.
func objects(b consent.Basis, p *PurposeConfig) bool {
	return b == consent.BasisLegitimateInterest && p.Kind != consent.KindMeasurement.String()
}

// tables makes the tables of all jurisdictions that differ.
func (s *SiteConfig) tables() []consent.Table {
	var all []consent.Table
	names := sortedKeys(s.Jurisdictions)
	if _, given := s.Jurisdictions[jurisdictionEU]; !given && !s.underEU() {
		names = append([]string{jurisdictionEU}, names...)
	}
	for _, name := range names {
		j, ok := consent.ParseJurisdiction(name)
		if !ok || j == consent.JurisdictionUnknown {
			continue // Validate refuses it
		}
		t := consent.Table{Jurisdiction: j}
		for i := range s.Purposes {
			t.Rules = append(t.Rules, s.ruleIn(name, &s.Purposes[i]))
		}
		all = append(all, t)
	}
	return all
}
