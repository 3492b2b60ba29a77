package consent

// TCFMapping says what of a TC string speaks for a purpose. The zero value maps
// nothing: TC strings then say nothing about the purpose.
type TCFMapping struct {
	// Purposes and Features are the TCF purposes (1 to 24) and special features
	// (1 to 12) that must all be allowed; bit n-1 stands for number n.
	Purposes uint32
	Features uint16
	// Basis is the one the vendor declared, consent where it is unknown.
	Basis Basis
	// Flexible says that the vendor declared the basis as flexible, so that a
	// publisher's restriction may turn it.
	Flexible bool
}

// USOptOuts are the opt-outs of the laws of US states, as GPP and us_privacy
// strings carry them.
type USOptOuts uint8

// The opt-outs.
const (
	USSale      USOptOuts = 1 << iota // of sale
	USSharing                         // of sharing for cross-context behavioural advertising
	USTargeted                        // of targeted advertising
	USSensitive                       // of the use of sensitive data
)

// Has says whether all of want are in the set.
func (o USOptOuts) Has(want USOptOuts) bool { return o&want == want }

// DefaultUS returns the opt-outs that reach a purpose of the kind where the site
// says nothing.
func DefaultUS(k Kind) USOptOuts {
	switch k {
	case KindProfiling:
		return USTargeted | USSensitive
	case KindMarketing:
		return USSale | USSharing | USTargeted
	case KindSharing:
		return USSale | USSharing | USTargeted
	default:
		return 0
	}
}

// GoogleKeys is a set of the keys of Google's consent mode.
type GoogleKeys uint8

// The keys.
const (
	GoogleAdStorage GoogleKeys = 1 << iota
	GoogleAnalyticsStorage
	GoogleAdUserData
	GoogleAdPersonalization
	GoogleFunctionalityStorage
	GooglePersonalizationStorage
	GoogleSecurityStorage
)

var googleNames = [...]string{
	"ad_storage", "analytics_storage", "ad_user_data", "ad_personalization",
	"functionality_storage", "personalization_storage", "security_storage",
}

// ParseGoogleKey reads one key as Google writes it, for example "ad_storage".
func ParseGoogleKey(s string) (k GoogleKeys, ok bool) {
	for i, name := range googleNames {
		if s == name {
			return 1 << i, true
		}
	}
	return 0, false
}

// Names returns the keys as Google writes them.
func (k GoogleKeys) Names() []string {
	var names []string
	for i, name := range googleNames {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// DefaultGoogle returns the keys that speak for a purpose of the kind where the
// site says nothing: all of them must be granted, and any denied one refuses.
func DefaultGoogle(k Kind) GoogleKeys {
	switch k {
	case KindAnalytics:
		return GoogleAnalyticsStorage
	case KindProfiling:
		return GoogleAdPersonalization | GooglePersonalizationStorage
	case KindMarketing:
		return GoogleAdStorage | GoogleAdUserData
	case KindSharing:
		return GoogleAdUserData
	default:
		return 0
	}
}
