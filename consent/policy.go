package consent

import (
	"slices"
	"strings"
	"time"

	"zgoda/event"
)

// Kind is what a purpose is for. The zero value is not a kind.
type Kind uint8

// The kinds of purposes.
const (
	KindUnknown Kind = iota
	KindMeasurement
	KindAnalytics
	KindProfiling
	KindMarketing
	KindSharing
)

var kindNames = [...]string{"unknown", "measurement", "analytics", "profiling", "marketing", "sharing"}

// String returns the kind as configurations write it, for example "analytics".
func (k Kind) String() string {
	if int(k) < len(kindNames) {
		return kindNames[k]
	}
	return kindNames[KindUnknown]
}

// ParseKind reads a kind as configurations write it.
func ParseKind(s string) (k Kind, ok bool) {
	for i := 1; i < len(kindNames); i++ {
		if s == kindNames[i] {
			return Kind(i), true
		}
	}
	return KindUnknown, false
}

// Scope returns how much identity a purpose of the kind needs. Marketing and
// sharing count as person: whoever is written to or shared is a person.
func (k Kind) Scope() event.Scope {
	switch k {
	case KindMeasurement:
		return event.ScopeNone
	case KindAnalytics:
		return event.ScopePeriod
	default:
		return event.ScopePerson
	}
}

// Basis is the legal basis of a purpose (GDPR Art. 6(1)). The zero value is not
// a basis, and a purpose without one is never allowed.
type Basis uint8

// The legal bases.
const (
	BasisUnknown            Basis = iota
	BasisConsent                  // Art. 6(1)(a)
	BasisLegitimateInterest       // Art. 6(1)(f), with its balancing test
	BasisRelated                  // Art. 6(4), compatible with another purpose
	BasisContract                 // Art. 6(1)(b); for measurement alone
)

var basisNames = [...]string{"unknown", "consent", "legitimate_interest", "related", "contract"}

// String returns the basis as configurations write it, for example "consent".
func (b Basis) String() string {
	if int(b) < len(basisNames) {
		return basisNames[b]
	}
	return basisNames[BasisUnknown]
}

// ParseBasis reads a basis as configurations write it.
func ParseBasis(s string) (b Basis, ok bool) {
	for i := 1; i < len(basisNames); i++ {
		if s == basisNames[i] {
			return Basis(i), true
		}
	}
	return BasisUnknown, false
}

// Reach is what a site lets a browser signal do to one purpose.
type Reach uint8

// The reaches. The zero value is the strictest.
const (
	ReachRefuse Reach = iota // the signal refuses the purpose
	ReachAsk                 // as refuse, unless the ledger has a grant given in our dialogue while the signal was present
	ReachIgnore              // the signal leaves the purpose to the person's own choice
)

var reachNames = [...]string{"refuse", "ask", "ignore"}

// String returns the reach as configurations write it; an unknown one is "refuse".
func (r Reach) String() string {
	if int(r) < len(reachNames) {
		return reachNames[r]
	}
	return reachNames[ReachRefuse]
}

// ParseReach reads a reach as configurations write it.
func ParseReach(s string) (r Reach, ok bool) {
	for i := range reachNames {
		if s == reachNames[i] {
			return Reach(i), true
		}
	}
	return ReachRefuse, false
}

// DefaultGPC returns what GPC does to a purpose where the site says nothing: it
// refuses profiling, marketing and sharing, and any legitimate interest but
// measurement, since there it is an objection (Art. 21(5)); it leaves analytics
// on consent and measurement to the person's own choice.
func DefaultGPC(k Kind, b Basis) Reach {
	if k == KindMeasurement || (k == KindAnalytics && b == BasisConsent) {
		return ReachIgnore
	}
	return ReachRefuse
}

// DefaultDNT returns what DNT does to a purpose where the site says nothing: it
// refuses all but measurement.
func DefaultDNT(k Kind) Reach {
	if k == KindMeasurement {
		return ReachIgnore
	}
	return ReachRefuse
}

// Purpose is one purpose of processing of a site, in the version now in force.
type Purpose struct {
	ID        event.PurposeID
	Bit       uint8 // 0 to 31; never reused by the site
	Kind      Kind
	Basis     Basis
	Version   uint32 // rises with every change of text or scope
	Retention Retention
	// GPC, DNT and ADPC say what those signals do to the purpose, where no Table
	// of the policy says otherwise.
	GPC, DNT, ADPC Reach
	// Related names the purpose that a purpose on BasisRelated is compatible
	// with; Compatible is true only with a recorded compatibility test and notice.
	// Named is true when the other's text names this purpose as a use: a consent
	// reaches no further than the uses that its text named.
	Related           event.PurposeID
	Compatible, Named bool
	// TextHash is the SHA-256 of the text shown, all languages, as the ledger records it.
	TextHash [32]byte
	// Terminal is true when the purpose stores or reads anything on the device
	// (ePrivacy Art. 5(3)); Exemption names the national exemption from consent
	// for it, "" where there is none.
	Terminal  bool
	Exemption string
	// Special is true when the purpose may process special categories of data
	// with an explicit grant on record (GDPR Art. 9(2)(a)).
	Special bool
	// Guardian is true when a grant for a minor must be a guardian's up to full
	// age; below the national age (GDPR Art. 8) it must be one in any case.
	Guardian bool
	// Renew is how long a grant counts from the day it was given; zero for as
	// long as the purpose's version is in force.
	Renew Retention
	// TCF, US and Google say what of those strings speaks for the purpose.
	TCF    TCFMapping
	US     USOptOuts
	Google GoogleKeys
}

// Retention is how long rows stored under a purpose are kept, in calendar
// months and days counted from receipt.
type Retention struct {
	Months, Days int
}

// After returns the time at which a row received at t expires.
func (r Retention) After(t time.Time) time.Time { return t.AddDate(0, r.Months, r.Days) }

// Policy is a site's whole table, in one version. It is immutable once made.
type Policy struct {
	Site event.SiteID
	// Version changes with every change of what any purpose says or does. Grants
	// that a cookie or a consent object carries count only for this version.
	Version uint32
	// Revision changes with every change of the table, browser signals, mappings
	// and retention included. It is stored with each row.
	Revision uint32
	Purposes []Purpose // at most event.MaxPurposes
	// Categories maps categories of consent tools (Segment's categoryPreferences)
	// to purposes; a category that is not in it maps to the purpose of the same id.
	Categories []Category // at most MaxCategories
	// Establishment is where the controller is established; its rules hold
	// wherever the data subject is (GDPR Art. 3(1)).
	Establishment Jurisdiction
	// UKApart and SwissApart are true when the UK, or Switzerland, is not held to
	// the rules of the EU.
	UKApart, SwissApart bool
	// Tables are the rules of jurisdictions that differ from the purposes' own.
	// JurisdictionUS's holds for its states that have none.
	Tables []Table
	// Vendor is the site's id on the IAB's vendor list, zero where it has none.
	Vendor uint16
}

// Category is a category of a consent tool, and the purpose that it speaks for.
type Category struct {
	Name    string
	Purpose event.PurposeID
}

// MaxCategories bounds the categories of one site.
const MaxCategories = 64

// Categories returns a table of categories, in the order of their names.
func Categories(of map[string]event.PurposeID) []Category {
	out := make([]Category, 0, len(of))
	for name, purpose := range of {
		out = append(out, Category{name, purpose})
	}
	slices.SortFunc(out, func(a, b Category) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Find returns the index of a purpose in p.Purposes, or -1.
func (p *Policy) Find(id event.PurposeID) int {
	for i := range p.Purposes {
		if p.Purposes[i].ID == id {
			return i
		}
	}
	return -1
}
