package config

import (
	"slices"
	"strings"

	"zgoda/consent"
)

// The texts of what the rules of the EU refuse.
const (
	deviceNeedsConsent = "storing or reading on the device needs consent (ePrivacy Art. 5(3)): say terminal_access: none, or name the exemption"
	signalObjects      = "the signal is an objection to a legitimate interest (GDPR Art. 21(5)) and must not be ignored"
	gpcOptsOut         = "under the laws of US states Global Privacy Control opts out of it and must not be ignored"
	neverInterest      = "legitimate_interest never carries profiling, marketing or sharing"
)

// jurisdictions checks the tables, and the table of signals that holds where
// they say nothing.
func (v *checker) jurisdictions(path string, s *SiteConfig) {
	for i, c := range s.OutsideEURules {
		if !slices.Contains(apart, c) || slices.Contains(s.OutsideEURules[:i], c) {
			v.fail(path+".outside_eu_rules", "must be GB or CH, each once")
		}
	}
	v.signals(path+".signals", s, s.Signals, s.underEU(), s.establishment().American(), s.rule)
	for _, name := range sortedKeys(s.Jurisdictions) {
		at := path + ".jurisdictions." + name
		j, ok := consent.ParseJurisdiction(name)
		if !ok || j == consent.JurisdictionUnknown {
			v.fail(at, "must be eu, us, us-ca or another state, or other; unknown always gets the strictest")
			continue
		}
		table := s.Jurisdictions[name]
		v.bases(at+".basis", s, name, table)
		rule := func(p *PurposeConfig) consent.Rule { return s.ruleIn(name, p) }
		v.signals(at+".signals", s, table.Signals, j == consent.JurisdictionEU, j.American(), rule)
		if j == consent.JurisdictionEU {
			v.inheritedUnderEU(at, s, table)
		}
	}
}

// bases checks what purposes rest on in one jurisdiction.
func (v *checker) bases(path string, s *SiteConfig, name string, table JurisdictionConfig) {
	for _, id := range sortedKeys(table.Basis) {
		at := path + "." + id
		p := s.purpose(id)
		basis, ok := consent.ParseBasis(table.Basis[id])
		kind := consent.KindUnknown
		if p != nil {
			kind, _ = consent.ParseKind(p.Kind)
		}
		switch {
		case p == nil:
			v.fail(at, "names no purpose of the site")
		case !ok || basis == consent.BasisRelated || basis == consent.BasisContract:
			v.fail(at, "must be consent or legitimate_interest")
		case p.Basis == consent.BasisContract.String():
			v.fail(at, "is not for a purpose on contract, which rests on it everywhere")
		case p.Basis == consent.BasisRelated.String():
			v.fail(at, "is not for a related purpose, which follows the other one")
		case basis == consent.BasisLegitimateInterest && kind.Scope() == consent.KindProfiling.Scope():
			v.fail(at, neverInterest)
		case basis == consent.BasisConsent && len(p.Text) == 0:
			v.fail(at, "needs a text of the purpose, since consent needs to be informed")
		case name == jurisdictionEU && basis != consent.BasisConsent && p.onDevice() && p.Exemption == "":
			v.fail(at, deviceNeedsConsent)
		}
	}
}

// signals checks one table of what browser signals reach. rule tells what it
// comes to, so that an objection is known by the basis in force there.
func (v *checker) signals(path string, s *SiteConfig, table map[string]map[string]string, eu, us bool, rule func(*PurposeConfig) consent.Rule) {
	for _, signal := range sortedKeys(table) {
		if !slices.Contains(signalNames, signal) {
			v.fail(path+"."+signal, "must be %s", strings.Join(signalNames, ", "))
			continue
		}
		for _, id := range sortedKeys(table[signal]) {
			at := path + "." + signal + "." + id
			p := s.purpose(id)
			if p == nil {
				v.fail(at, "names no purpose of the site")
				continue
			}
			reach, ok := consent.ParseReach(table[signal][id])
			switch {
			case !ok:
				v.fail(at, "must be refuse, ask or ignore")
			case reach != consent.ReachIgnore:
			case eu && objects(rule(p).Basis, p):
				v.fail(at, signalObjects)
			case us && signal == signalGPC && sold(p):
				v.fail(at, gpcOptsOut)
			}
		}
	}
}

// sold says whether a purpose is of those that the laws of US states let people
// opt out of by a signal.
func sold(p *PurposeConfig) bool {
	return p.Kind == consent.KindMarketing.String() || p.Kind == consent.KindSharing.String()
}

// inheritedUnderEU checks what a table for the EU leaves as it is elsewhere.
func (v *checker) inheritedUnderEU(path string, s *SiteConfig, table JurisdictionConfig) {
	for i := range s.Purposes {
		p := &s.Purposes[i]
		r := s.ruleIn(jurisdictionEU, p)
		if _, said := table.Basis[p.ID]; !said && r.Basis != consent.BasisConsent && p.onDevice() && p.Exemption == "" {
			v.fail(path+".basis."+p.ID, "must be consent there: "+deviceNeedsConsent)
		}
		for _, signal := range signalNames {
			_, said := table.Signals[signal][p.ID]
			if !said && objects(r.Basis, p) && *reachOfRule(&r, signal) == consent.ReachIgnore {
				v.fail(path+".signals."+signal+"."+p.ID, "must be given there: "+signalObjects)
			}
		}
	}
}
