package gpp

// ID is the number of a section.
type ID uint8

// The sections that are read.
const (
	TCFEU ID = 2 // a TC string
	USPV1 ID = 6 // a us_privacy string
	USNat ID = 7
	USCA  ID = 8
	USVA  ID = 9
	USCO  ID = 10
	USUT  ID = 11
	USCT  ID = 12
	USFL  ID = 13
	USMT  ID = 14
	USOR  ID = 15
	USTX  ID = 16
	USDE  ID = 17
	USIA  ID = 18
	USNE  ID = 19
	USNH  ID = 20
	USNJ  ID = 21
	USTN  ID = 22
	USMN  ID = 23
	USMD  ID = 24
	USIN  ID = 25
	USKY  ID = 26
	USRI  ID = 27
	lastI    = USRI
)

var idNames = [...]string{
	TCFEU: "tcfeuv2", USPV1: "uspv1", USNat: "usnat", USCA: "usca", USVA: "usva", USCO: "usco", USUT: "usut",
	USCT: "usct", USFL: "usfl", USMT: "usmt", USOR: "usor", USTX: "ustx", USDE: "usde", USIA: "usia", USNE: "usne",
	USNH: "usnh", USNJ: "usnj", USTN: "ustn", USMN: "usmn", USMD: "usmd", USIN: "usin", USKY: "usky", USRI: "usri",
}

// String returns the section's name as the IAB has it, for example "usca", or
// "unknown".
func (id ID) String() string {
	if int(id) < len(idNames) && idNames[id] != "" {
		return idNames[id]
	}
	return "unknown"
}

// Field is a field of the American sections.
type Field uint8

// The fields, by the IAB's names. Not every section has each.
const (
	SharingNotice Field = iota
	ProcessingNotice
	SaleOptOutNotice
	SharingOptOutNotice
	TargetedAdvertisingOptOutNotice
	SensitiveDataProcessingOptOutNotice
	SensitiveDataOptOutNotice
	SensitiveDataLimitUseNotice
	SaleOptOut
	SharingOptOut
	TargetedAdvertisingOptOut
	PersonalDataConsents
	AdditionalDataProcessingConsent
	MspaCoveredTransaction
	MspaOptOutOptionMode
	MspaServiceProviderMode
	MspaMode
	singleFields
	// The lists: see Section.Sensitive and Section.Child.
	SensitiveDataProcessing
	KnownChildSensitiveDataConsents
)

var fieldNames = [...]string{
	SharingNotice: "SharingNotice", ProcessingNotice: "ProcessingNotice", SaleOptOutNotice: "SaleOptOutNotice",
	SharingOptOutNotice: "SharingOptOutNotice", TargetedAdvertisingOptOutNotice: "TargetedAdvertisingOptOutNotice",
	SensitiveDataProcessingOptOutNotice: "SensitiveDataProcessingOptOutNotice",
	SensitiveDataOptOutNotice:           "SensitiveDataOptOutNotice", SensitiveDataLimitUseNotice: "SensitiveDataLimitUseNotice",
	SaleOptOut: "SaleOptOut", SharingOptOut: "SharingOptOut", TargetedAdvertisingOptOut: "TargetedAdvertisingOptOut",
	PersonalDataConsents: "PersonalDataConsents", AdditionalDataProcessingConsent: "AdditionalDataProcessingConsent",
	MspaCoveredTransaction: "MspaCoveredTransaction", MspaOptOutOptionMode: "MspaOptOutOptionMode",
	MspaServiceProviderMode: "MspaServiceProviderMode", MspaMode: "MspaMode", singleFields: "unknown",
	SensitiveDataProcessing:         "SensitiveDataProcessing",
	KnownChildSensitiveDataConsents: "KnownChildSensitiveDataConsents",
}

// String returns the IAB's name of the field, for example "SaleOptOut".
func (f Field) String() string {
	if int(f) < len(fieldNames) {
		return fieldNames[f]
	}
	return "unknown"
}

// Value is the value of a field. What One and Two mean depends on the field:
//
//   - notices: given, not given;
//   - opt-outs: opted out, did not opt out;
//   - sensitive data, children, consents: no consent (or opted out), consent;
//   - the MSPA's: yes, no; MspaMode: opt-out option, service provider.
type Value uint8

// The values. NotApplicable is also that of a field which the section lacks.
const (
	NotApplicable Value = iota
	One
	Two
	undefined
)

// Presence is what the subsection for Global Privacy Control says.
type Presence uint8

// The presences.
const (
	Unsaid Presence = iota // there is no such subsection
	Off
	On
)

// The most values that a list of a section has.
const (
	MaxSensitive = 16
	MaxChild     = 5
)

// Section is one section of a GPP string. It borrows the text given to Parse.
type Section struct {
	ID ID
	// Version is that of an American section; 0 for TCFEU and USPV1.
	Version uint8
	// GPC is what the section says about Global Privacy Control.
	GPC Presence
	// Text is the whole section: the TC string of TCFEU, the us_privacy string of
	// USPV1, the encoded fields of the others.
	Text []byte

	has       uint32 // a bit for each Field
	single    [singleFields]Value
	sensitive [MaxSensitive]Value
	child     [MaxChild]Value
	// How long the lists are.
	sensitiveCount, childCount uint8
}

// Has says whether the section has the field. SensitiveDataProcessing may be a
// subsection that was left out.
func (s *Section) Has(f Field) bool { return f < 32 && s.has>>f&1 == 1 }

// Value returns the value of a field that is no list, NotApplicable if the
// section lacks it.
func (s *Section) Value(f Field) Value {
	if f >= singleFields {
		return NotApplicable
	}
	return s.single[f]
}

// Sensitive returns SensitiveDataProcessing: what is said of each category of
// sensitive data, in the section's own order. It is empty if the section lacks it.
func (s *Section) Sensitive() []Value { return s.sensitive[:min(s.sensitiveCount, MaxSensitive)] }

// Child returns KnownChildSensitiveDataConsents in the section's own order. It is
// empty if the section lacks it.
func (s *Section) Child() []Value { return s.child[:min(s.childCount, MaxChild)] }

// SaleOptedOut says whether the person opted out of the sale of data.
func (s *Section) SaleOptedOut() bool { return s.single[SaleOptOut] == One }

// SharingOptedOut says whether the person opted out of sharing for advertising.
func (s *Section) SharingOptedOut() bool { return s.single[SharingOptOut] == One }

// AdvertisingOptedOut says whether the person opted out of targeted advertising.
func (s *Section) AdvertisingOptedOut() bool { return s.single[TargetedAdvertisingOptOut] == One }

// FurtherUseRefused says whether there is no consent to uses that are unrelated to
// what the notice disclosed (PersonalDataConsents, AdditionalDataProcessingConsent).
func (s *Section) FurtherUseRefused() bool {
	return s.single[PersonalDataConsents] == One || s.single[AdditionalDataProcessingConsent] == One
}

// ServiceProvider says whether the data may be handled as for a service provider
// only, which rules out sale, sharing and targeted advertising.
func (s *Section) ServiceProvider() bool {
	return s.single[MspaServiceProviderMode] == One || s.single[MspaMode] == Two
}

// SensitiveRefused returns the categories of sensitive data, bit 0 for the first,
// that the person refused or opted out of.
func (s *Section) SensitiveRefused() uint16 {
	var mask uint16
	for i, v := range s.Sensitive() {
		if v == One {
			mask |= 1 << i
		}
	}
	return mask
}

// ChildRefused returns the entries of KnownChildSensitiveDataConsents, bit 0 for
// the first, for which there is no consent.
func (s *Section) ChildRefused() uint8 {
	var mask uint8
	for i, v := range s.Child() {
		if v == One {
			mask |= 1 << i
		}
	}
	return mask
}

// KnownChild says whether the section speaks of a known child at all.
func (s *Section) KnownChild() bool {
	for _, v := range s.Child() {
		if v != NotApplicable {
			return true
		}
	}
	return false
}
