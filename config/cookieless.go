package config

import (
	"strings"

	"zgoda/consent"
)

// What a site does about whoever sends no id.
const (
	cookielessOff   = "off"
	cookielessDaily = "daily"
)

func (s *SiteConfig) daily() bool { return s.Cookieless == cookielessDaily }

// cookieless refuses what is not known, and the setting where it could have no
// effect: whoever sets it there expects one.
func (v *checker) cookieless(path string, s *SiteConfig) {
	switch s.Cookieless {
	case "", cookielessOff:
		return
	case cookielessDaily:
	default:
		v.fail(path, "must be %s or %s", cookielessOff, cookielessDaily)
		return
	}
	if len(s.Keys.Public) == 0 || len(s.Origins) == 0 {
		v.fail(path, "is for pages: the site needs a public key and an origin")
	}
	if len(s.withoutGrant()) == 0 {
		v.fail(path, "counts nobody: no purpose of kind analytics can do without a grant")
	}
}

// withoutGrant returns the purposes that the pseudonym of a day may be stored for:
// of kind analytics, on something else than consent in any place.
func (s *SiteConfig) withoutGrant() (ids []string) {
	consented := consent.BasisConsent.String()
	for i := range s.Purposes {
		p := &s.Purposes[i]
		if p.Kind != consent.KindAnalytics.String() {
			continue
		}
		grantless := p.Basis != consented
		for _, j := range s.Jurisdictions {
			basis, said := j.Basis[p.ID]
			grantless = grantless || said && basis != consented
		}
		if grantless {
			ids = append(ids, p.ID)
		}
	}
	return ids
}

func cookielessSentences(s *SiteConfig) []string {
	if !s.daily() {
		return []string{"Whoever sends no id is counted as nobody: no pseudonym is made of an address."}
	}
	return []string{
		"Whoever sends no id is counted under a pseudonym of one day (UTC), made of address, user agent and site under a key that is in memory alone and destroyed with the day; for " +
			strings.Join(s.withoutGrant(), ", ") + ", as far as that needs no grant, and where the request refuses nothing of it.",
		"  Caution: address and user agent come from the device. By the EDPB's Guidelines 2/2023 (section 3.3) that can be access to the terminal equipment, which needs consent or an exemption (ePrivacy Art. 5(3)) whatever basis the purpose has. Whether yours is exempt is the controller's to find out.",
	}
}
