package config

import (
	"fmt"
	"slices"

	"zgoda/consent"
)

// uses checks which further uses the text of a consent names.
func (v *checker) uses(path string, p *PurposeConfig, basis consent.Basis) {
	if len(p.Uses) > 0 && basis != consent.BasisConsent {
		v.fail(path+".uses", "is for basis consent only")
	}
	for i, use := range p.Uses {
		at := fmt.Sprintf("%s.uses[%d]", path, i)
		switch {
		case !purposeID.MatchString(use):
			v.fail(at, "must be the id of a purpose")
		case use == p.ID:
			v.fail(at, "is the purpose itself")
		case slices.Contains(p.Uses[:i], use):
			v.fail(at, "is there twice")
		}
	}
}

// unstretched holds a related purpose to what the text of the other named, where
// that rests on a consent (Art. 6(4) has no test of compatibility for such data).
func (v *checker) unstretched(path string, s *SiteConfig, p, other *PurposeConfig) {
	if !s.onConsent(other) {
		return
	}
	if !slices.Contains(other.Uses, p.ID) {
		v.fail(path+".related_to", "must name a purpose whose text names this one, where that is on consent: say so in the text of %s, list %s under its uses and raise its version, so that people are asked again; "+
			"or put %s on consent of its own", other.ID, p.ID, p.ID)
	}
	for _, l := range []struct {
		key         string
		mine, asked []string
	}{{"data", p.Data, other.Data}, {"recipients", p.Recipients, other.Recipients}} {
		for _, name := range l.mine {
			if !slices.Contains(l.asked, name) {
				v.fail(path+"."+l.key, "must be among those of %s, to which people agreed", other.ID)
				break
			}
		}
	}
	mine, err := ParseRetention(p.Retention)
	asked, wrong := ParseRetention(other.Retention)
	if err == nil && wrong == nil && days(mine) > days(asked) {
		v.fail(path+".retention", "must not be longer than that of %s, to which people agreed", other.ID)
	}
}

// onConsent says whether the purpose rests on consent somewhere.
func (s *SiteConfig) onConsent(p *PurposeConfig) bool {
	is := consent.BasisConsent.String()
	if p.Basis == is {
		return true
	}
	for _, table := range s.Jurisdictions {
		if table.Basis[p.ID] == is {
			return true
		}
	}
	// Under the rules of the EU, which may hold for anybody, device access does.
	return p.Basis != consent.BasisRelated.String() && p.onDevice() && p.Exemption == ""
}

// named says whether the text of the purpose that p is related to names p.
func (s *SiteConfig) named(p *PurposeConfig) bool {
	other := s.purpose(p.RelatedTo)
	return other != nil && slices.Contains(other.Uses, p.ID)
}

// days orders retentions: a month has 30.4375 days, rounded up over all of them.
func days(r consent.Retention) int { return r.Days + (r.Months*1461+47)/48 }
