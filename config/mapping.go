package config

import (
	"fmt"

	"zgoda/consent"
)

// TCF says how TC strings are read (IAB Transparency and Consent Framework).
type TCF struct {
	// Vendor is the site's id on the Global Vendor List; 0 where it has none.
	Vendor uint16 `yaml:"vendor,omitempty"`
	// Purposes says what of a TC string speaks for each purpose of the site.
	Purposes map[string]TCFPurpose `yaml:"purposes,omitempty"`
}

// TCFPurpose is what of a TC string must be allowed for one purpose of the site.
// With empty lists TC strings say nothing about the purpose.
type TCFPurpose struct {
	Purposes        []uint8 `yaml:"purposes"`
	SpecialFeatures []uint8 `yaml:"special_features,omitempty"`
	Basis           string  `yaml:"basis,omitempty"` // as the vendor declared it; the purpose's own when left out
	Flexible        bool    `yaml:"flexible,omitempty"`
}

// The numbers that the framework has defined.
const (
	tcfDevice      = 1 // store or access information on a device
	maxTCFPurpose  = 11
	maxTCFFeatures = 2
)

// defaultTCF returns the TCF purposes that must all be allowed for a purpose of
// the kind where the site says nothing.
func defaultTCF(k consent.Kind) []uint8 {
	switch k {
	case consent.KindAnalytics:
		// Measure content performance; understand audiences; develop and improve services.
		return []uint8{8, 9, 10}
	case consent.KindProfiling:
		// Create and use profiles, for advertising and for content.
		return []uint8{3, 4, 5, 6}
	case consent.KindMarketing:
		// Select advertising by limited data or a profile; measure it.
		return []uint8{2, 4, 7}
	case consent.KindSharing:
		// What others do with it: profiles, statistics of combined sources, services of theirs.
		return []uint8{3, 4, 9, 10}
	default:
		return nil
	}
}

// onlyOnConsent says whether the framework refuses a legitimate interest for a
// TCF purpose (since TCF 2.2).
func onlyOnConsent(n uint8) bool { return n == tcfDevice || n >= 3 && n <= 6 }

// tcf returns what of a TC string speaks for a purpose.
func (s *SiteConfig) tcf(p *PurposeConfig) consent.TCFMapping {
	kind, _ := consent.ParseKind(p.Kind)
	basis, _ := consent.ParseBasis(p.Basis)
	given, ok := s.TCF.Purposes[p.ID]
	if !ok {
		given = TCFPurpose{Purposes: defaultTCF(kind)}
		if basis == consent.BasisRelated {
			given.Purposes = nil // the purpose that it leans on is mapped
		}
		if len(given.Purposes) > 0 && p.needsDevice() {
			given.Purposes = append([]uint8{tcfDevice}, given.Purposes...)
		}
	}
	m := consent.TCFMapping{Basis: consent.BasisConsent, Flexible: given.Flexible}
	if basis == consent.BasisLegitimateInterest {
		m.Basis = basis
	}
	if declared, ok := consent.ParseBasis(given.Basis); ok {
		m.Basis = declared
	}
	for _, n := range given.Purposes {
		m.Purposes |= 1 << (n - 1)
	}
	for _, n := range given.SpecialFeatures {
		m.Features |= 1 << (n - 1)
	}
	return m
}

// needsDevice says whether the purpose uses the device by the person's consent.
func (p *PurposeConfig) needsDevice() bool {
	return p.Basis == consent.BasisConsent.String() && p.onDevice() && p.Exemption == ""
}

// optOuts are the names of the opt-outs of US law.
var optOuts = []struct {
	name string
	bit  consent.USOptOuts
}{
	{"sale", consent.USSale},
	{"sharing", consent.USSharing},
	{"targeted_advertising", consent.USTargeted},
	{"sensitive_data", consent.USSensitive},
}

func optOut(name string) consent.USOptOuts {
	for _, o := range optOuts {
		if o.name == name {
			return o.bit
		}
	}
	return 0
}

// us returns the opt-outs that reach a purpose.
func (s *SiteConfig) us(p *PurposeConfig) (all consent.USOptOuts) {
	names, ok := s.USOptOuts[p.ID]
	if !ok {
		kind, _ := consent.ParseKind(p.Kind)
		return consent.DefaultUS(kind)
	}
	for _, name := range names {
		all |= optOut(name)
	}
	return all
}

// google returns the keys of consent mode that speak for a purpose.
func (s *SiteConfig) google(p *PurposeConfig) (all consent.GoogleKeys) {
	names, ok := s.Google[p.ID]
	if !ok {
		kind, _ := consent.ParseKind(p.Kind)
		return consent.DefaultGoogle(kind)
	}
	for _, name := range names {
		key, _ := consent.ParseGoogleKey(name)
		all |= key
	}
	return all
}

// mappings checks what of consent tools speaks for which purpose.
func (v *checker) mappings(path string, s *SiteConfig) {
	if n := len(s.Categories); n > consent.MaxCategories {
		v.fail(path+".categories", "has %d entries, at most %d are allowed", n, consent.MaxCategories)
	}
	for _, category := range sortedKeys(s.Categories) {
		if s.purpose(s.Categories[category]) == nil {
			v.fail(path+".categories."+category, "names no purpose of the site")
		}
	}
	v.tcf(path+".tcf", s)
	for _, id := range sortedKeys(s.USOptOuts) {
		at := path + ".us_opt_outs." + id
		p := s.purpose(id)
		if p == nil {
			v.fail(at, "names no purpose of the site")
			continue
		}
		v.names(at, s.USOptOuts[id], func(name string) bool { return optOut(name) != 0 }, "must be sale, sharing, targeted_advertising or sensitive_data")
		if need := leastUS(p.Kind); !s.us(p).Has(need) {
			v.fail(at, "must hold what the law lets a person opt out of there: targeted_advertising for profiling and marketing, sale and sharing for sharing")
		}
	}
	for _, id := range sortedKeys(s.Google) {
		at := path + ".google." + id
		if s.purpose(id) == nil {
			v.fail(at, "names no purpose of the site")
			continue
		}
		v.names(at, s.Google[id], func(name string) bool { _, ok := consent.ParseGoogleKey(name); return ok },
			"must be one of the seven keys of Google's consent mode, for example ad_storage")
	}
}

// leastUS returns the opt-outs that must reach a purpose of the kind.
func leastUS(kind string) consent.USOptOuts {
	switch k, _ := consent.ParseKind(kind); k {
	case consent.KindProfiling, consent.KindMarketing:
		return consent.USTargeted
	case consent.KindSharing:
		return consent.USSale | consent.USSharing
	default:
		return 0
	}
}

// names checks a list of names from a closed set.
func (v *checker) names(path string, list []string, known func(string) bool, message string) {
	seen := map[string]bool{}
	for i, name := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if !known(name) {
			v.fail(at, "%s", message)
		}
		if seen[name] {
			v.fail(at, "is listed twice")
		}
		seen[name] = true
	}
}

func (v *checker) tcf(path string, s *SiteConfig) {
	for _, id := range sortedKeys(s.TCF.Purposes) {
		at := path + ".purposes." + id
		p := s.purpose(id)
		if p == nil {
			v.fail(at, "names no purpose of the site")
			continue
		}
		v.tcfPurpose(at, s, p, s.TCF.Purposes[id])
	}
}

func (v *checker) tcfPurpose(path string, s *SiteConfig, p *PurposeConfig, m TCFPurpose) {
	v.numbers(path+".purposes", m.Purposes, maxTCFPurpose)
	v.numbers(path+".special_features", m.SpecialFeatures, maxTCFFeatures)
	interest := p.Basis == consent.BasisLegitimateInterest.String()
	switch {
	case m.Basis == "":
	case m.Basis != consent.BasisConsent.String() && m.Basis != consent.BasisLegitimateInterest.String():
		v.fail(path+".basis", "must be consent or legitimate_interest")
	case m.Basis == consent.BasisLegitimateInterest.String() && !interest:
		v.fail(path+".basis", "must be consent, since the purpose is not on legitimate interest")
	}
	if m.Flexible && s.TCF.Vendor == 0 {
		v.fail(path+".flexible", "is what a vendor declared: name the vendor")
	}
	device := false
	for _, n := range m.Purposes {
		device = device || n == tcfDevice
		if interest && m.Basis != consent.BasisConsent.String() && onlyOnConsent(n) {
			v.fail(path+".purposes", "TCF purposes 1 and 3 to 6 are on consent only, and this purpose is on legitimate interest")
			break
		}
	}
	if p.needsDevice() && !device && len(m.Purposes) > 0 {
		v.fail(path+".purposes", "must hold 1, since the purpose uses the device")
	}
}

// numbers checks a list of numbers from 1 to most.
func (v *checker) numbers(path string, list []uint8, most uint8) {
	seen := map[uint8]bool{}
	for i, n := range list {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n < 1 || n > most {
			v.fail(at, "must be from 1 to %d", most)
		}
		if seen[n] {
			v.fail(at, "is listed twice")
		}
		seen[n] = true
	}
}
