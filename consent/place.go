package consent

import "strings"

// Jurisdiction is whose rules a purpose is decided under. The zero value is not
// known, and stands for the strictest of all that a policy has.
type Jurisdiction uint8

// The jurisdictions. A state of the US follows JurisdictionUS's own number.
const (
	JurisdictionUnknown Jurisdiction = iota // the strictest
	JurisdictionEU                          // the EU and EEA; the UK and Switzerland unless the policy says otherwise
	JurisdictionUS                          // the US, its state not known: the strictest of all states too
	JurisdictionOther                       // anywhere else
	firstState
)

// states are the two letters of the states, the district and the territories.
const states = "akalarasazcacoctdcdeflgaguhiiaidilinkskylamamdmemimnmomsmpmtncndnenhnjnmnvnyohokorpapriscsdtntxutvavivtwawiwvwy"

// jurisdictions is how many there are; each has a bit in Places.
const jurisdictions = int(firstState) + len(states)/2

var jurisdictionNames = [...]string{"unknown", "eu", "us", "other"}

// String returns the jurisdiction as configurations write it, for example "eu"
// or "us-ca"; one that does not exist is "unknown".
func (j Jurisdiction) String() string {
	switch {
	case int(j) < len(jurisdictionNames):
		return jurisdictionNames[j]
	case int(j) < jurisdictions:
		i := 2 * int(j-firstState)
		return "us-" + states[i:i+2]
	default:
		return jurisdictionNames[JurisdictionUnknown]
	}
}

// ParseJurisdiction reads a jurisdiction as configurations write it: eu, us,
// us-XX, other or unknown, in lower case.
func ParseJurisdiction(s string) (j Jurisdiction, ok bool) {
	for i, name := range jurisdictionNames {
		if s == name {
			return Jurisdiction(i), true
		}
	}
	if region, found := strings.CutPrefix(s, "us-"); found {
		return state(region)
	}
	return JurisdictionUnknown, false
}

func state(region string) (Jurisdiction, bool) {
	if len(region) != 2 {
		return JurisdictionUnknown, false
	}
	for i := 0; i < len(states); i += 2 {
		if states[i] == region[0]|0x20 && states[i+1] == region[1]|0x20 {
			return firstState + Jurisdiction(i/2), true
		}
	}
	return JurisdictionUnknown, false
}

// American says whether the rules are those of the US or one of its states.
func (j Jurisdiction) American() bool {
	return j == JurisdictionUS || j >= firstState && int(j) < jurisdictions
}

// Place returns whose rules hold in a country, by its ISO 3166-1 alpha-2 code in
// upper case, and in the region of the US, by its two letters, "" where it is
// not known. No country, or what is none, is unknown, so the strictest.
func (p *Policy) Place(country, region string) Jurisdiction {
	if len(country) != 2 || country[0] < 'A' || country[0] > 'Z' || country[1] < 'A' || country[1] > 'Z' {
		return JurisdictionUnknown
	}
	switch country {
	case "GB":
		return apart(p.UKApart)
	case "CH":
		return apart(p.SwissApart)
	case "AT", "BE", "BG", "HR", "CY", "CZ", "DK", "EE", "FI", "FR", "DE", "GR", "HU", "IE", "IT", "LV", "LT", "LU",
		"MT", "NL", "PL", "PT", "RO", "SK", "SI", "ES", "SE", "IS", "LI", "NO",
		"AX", "GF", "GP", "MF", "MQ", "RE", "YT", "GI": // parts of those, with codes of their own
		return JurisdictionEU
	case "US":
		if j, ok := state(region); ok {
			return j
		}
		return JurisdictionUS
	case "AS", "GU", "MP", "PR", "VI":
		j, _ := state(country)
		return j
	case "XX", "ZZ", "EU", "AP", "T1": // what databases write for not known
		return JurisdictionUnknown
	default:
		return JurisdictionOther
	}
}

func apart(apart bool) Jurisdiction {
	if apart {
		return JurisdictionOther
	}
	return JurisdictionEU
}

// Table says how one jurisdiction differs from a policy's purposes.
type Table struct {
	Jurisdiction Jurisdiction // eu, us, us-XX or other
	// Rules has a rule for each purpose, by its index; a purpose without one is
	// denied there.
	Rules []Rule
}

// Rule is what a purpose rests on in one jurisdiction, and what browser signals
// do to it there. The zero value denies.
type Rule struct {
	Basis          Basis
	GPC, DNT, ADPC Reach
}

// Rule returns the rule of the purpose where no table differs from it.
func (p *Purpose) Rule() Rule {
	return Rule{Basis: p.Basis, GPC: p.GPC, DNT: p.DNT, ADPC: p.ADPC}
}

// DigitalAge returns the age from which a person can agree without a guardian
// (GDPR Art. 8(1) and the laws of the countries, COPPA in the US), by the
// country's ISO 3166-1 alpha-2 code; 16 where it is not known.
func DigitalAge(country string) int {
	switch country {
	case "BE", "EE", "FI", "LV", "MT", "PT", "SE", "NO", "IS", "GB", "US":
		return 13
	case "AT", "BG", "CY", "ES", "IT", "LT":
		return 14
	case "CZ", "DK", "FR", "GR", "SI":
		return 15
	default:
		return 16
	}
}

// FullAge is the age from which a person is not a minor.
const FullAge = 18
