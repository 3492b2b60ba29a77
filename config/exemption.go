package config

import (
	"strings"

	"zgoda/consent"
)

// exemption is a national rule by which storing or reading on the device needs
// no consent (ePrivacy Art. 5(3) as the country has it).
type exemption struct {
	name    string
	country string // ISO 3166-1 alpha-2
	source  string
}

// exemptions is a closed list: a name that is not in it exempts nothing. Each is
// about counting an audience for the site's own operator, and so for purposes of
// kind measurement and analytics alone; their own conditions stay with the
// controller.
var exemptions = []exemption{
	{"fr-audience-measurement", "FR", "CNIL, guidelines of 17 September 2020 on Art. 82 of the Data Protection Act"},
	{"it-aggregate-analytics", "IT", "Garante, guidelines of 10 June 2021 on cookies"},
	{"es-audience-measurement", "ES", "AEPD, guide of January 2024 on tools of audience measurement"},
	{"nl-limited-privacy-impact", "NL", "Telecommunicatiewet Art. 11.7a(3)(b)"},
	{"gb-statistical-purposes", "GB", "PECR Schedule A1, as amended by the Data (Use and Access) Act 2025"},
}

func exemptionOf(name string) (exemption, bool) {
	for _, e := range exemptions {
		if e.name == name {
			return e, true
		}
	}
	return exemption{}, false
}

func exemptionNames() string {
	names := make([]string, len(exemptions))
	for i, e := range exemptions {
		names[i] = e.name
	}
	return strings.Join(names, ", ")
}

// exemption checks that a purpose's exemption is one, and can cover it.
func (v *checker) exemption(path string, s *SiteConfig, p *PurposeConfig) {
	if p.Exemption == "" {
		return
	}
	e, ok := exemptionOf(p.Exemption)
	switch {
	case !ok:
		v.fail(path, "must be one of %s", exemptionNames())
	case p.Kind != consent.KindMeasurement.String() && p.Kind != consent.KindAnalytics.String():
		v.fail(path, "covers measurement and analytics only")
	case s.Controller.country() != e.country:
		v.fail(path, "is of the law of %s, where the controller is not established", e.country)
	case !p.onDevice():
		v.fail(path, "is of no use, since terminal_access is none")
	}
}
