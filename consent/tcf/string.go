package tcf

import "time"

// MaxLength bounds the text of a string, in octets. A cookie holds half of it.
const MaxLength = 8 << 10

// Purposes is a set of purposes: bit 0 is purpose 1, bit 23 purpose 24.
type Purposes uint32

// MaxPurpose is the highest purpose that a string has room for.
const MaxPurpose = 24

// Purpose returns the set of one purpose, 1 to 24; any other number is no
// purpose and yields the empty set.
func Purpose(n int) Purposes {
	if n < 1 || n > MaxPurpose {
		return 0
	}
	return 1 << (n - 1)
}

// Has says whether the purpose is in the set.
func (p Purposes) Has(n int) bool { return p&Purpose(n) != 0 }

// SpecialFeatures is a set of special features: bit 0 is feature 1 (precise
// geolocation), bit 1 feature 2 (active scanning of the device), up to 12.
type SpecialFeatures uint16

// Has says whether the special feature, 1 to 12, is in the set.
func (f SpecialFeatures) Has(n int) bool { return n >= 1 && n <= 12 && f>>(n-1)&1 == 1 }

// String is a TC string that was read. It borrows the text given to Parse, which
// must not change while the String is used. The zero value grants nothing.
type String struct {
	text []byte

	created, updated  int64 // tenths of a second since 1970
	purposeConsents   Purposes
	purposeLegInt     Purposes
	specialFeatures   SpecialFeatures
	cmpID             uint16
	cmpVersion        uint16
	vendorListVersion uint16
	language, country [2]byte
	consentScreen     uint8
	policyVersion     uint8
	serviceSpecific   bool
	ownTexts          bool
	purposeOneHidden  bool

	vendorConsents, vendorLegInt span
	disclosed, allowed           span
	restrictions                 uint32 // the bit at which the first begins
	restrictionCount             uint16

	hasPublisher bool
	publisher    Publisher
}

// Publisher is what the Publisher TC segment says: the publisher's own consents.
type Publisher struct {
	Consents, LegInt Purposes
	// Custom purposes of the publisher: how many, and bit 0 for the first.
	CustomCount                  int
	CustomConsents, CustomLegInt uint64
}

// Created returns when the string was made.
func (s *String) Created() time.Time { return time.UnixMilli(s.created * 100).UTC() }

// LastUpdated returns when the string was changed last.
func (s *String) LastUpdated() time.Time { return time.UnixMilli(s.updated * 100).UTC() }

// CMP returns the id and the version of the consent tool that made the string.
func (s *String) CMP() (id, version int) { return int(s.cmpID), int(s.cmpVersion) }

// ConsentScreen returns the number of the tool's screen.
func (s *String) ConsentScreen() int { return int(s.consentScreen) }

// ConsentLanguage returns the language of the tool, two capital letters.
func (s *String) ConsentLanguage() [2]byte { return s.language }

// PublisherCountry returns the publisher's country, two capital letters.
func (s *String) PublisherCountry() [2]byte { return s.country }

// VendorListVersion returns the version of the Global Vendor List.
func (s *String) VendorListVersion() int { return int(s.vendorListVersion) }

// PolicyVersion returns the version of the TCF Policies: 2 is TCF 2.0 and 2.1, 4
// is 2.2, 5 is 2.3.
func (s *String) PolicyVersion() int { return int(s.policyVersion) }

// ServiceSpecific says whether the string holds for one service only, as it must
// since TCF 2.2.
func (s *String) ServiceSpecific() bool { return s.serviceSpecific }

// OwnTexts says whether the tool showed texts of its own (UseNonStandardTexts).
func (s *String) OwnTexts() bool { return s.ownTexts }

// PurposeOneHidden says whether purpose 1 was not disclosed at all
// (PurposeOneTreatment).
func (s *String) PurposeOneHidden() bool { return s.purposeOneHidden }

// SpecialFeatures returns the special features that were opted in to.
func (s *String) SpecialFeatures() SpecialFeatures { return s.specialFeatures }

// PurposeConsents returns the purposes consented to, for any vendor.
func (s *String) PurposeConsents() Purposes { return s.purposeConsents }

// PurposeLegInt returns the purposes whose legitimate interest was made
// transparent and not objected to, for any vendor.
func (s *String) PurposeLegInt() Purposes { return s.purposeLegInt }

// Publisher returns the Publisher TC segment, and whether there is one.
func (s *String) Publisher() (Publisher, bool) { return s.publisher, s.hasPublisher }

// VendorConsents returns the vendors consented to.
func (s *String) VendorConsents() Set { return Set{text: s.text, span: s.vendorConsents} }

// VendorLegInt returns the vendors whose legitimate interest was made
// transparent and not objected to.
func (s *String) VendorLegInt() Set { return Set{text: s.text, span: s.vendorLegInt} }

// Disclosed returns the vendors that were shown to the person, and whether the
// string has the segment at all, as it must since TCF 2.3.
func (s *String) Disclosed() (Set, bool) {
	return Set{text: s.text, span: s.disclosed}, s.disclosed.present
}

// OutOfBand returns the vendors of the Allowed Vendors segment of TCF 2.0, which
// nothing uses any more, and whether the string has it.
func (s *String) OutOfBand() (Set, bool) {
	return Set{text: s.text, span: s.allowed}, s.allowed.present
}
