package tcf

// Basis is the legal basis on which a vendor declared a purpose.
type Basis uint8

// The bases.
const (
	Consent Basis = iota
	LegInt        // legitimate interest
)

// consentOnly are the purposes that TCF 2.2 took legitimate interest from: 1 and
// 3 to 6. A bit for them counts for nothing.
const consentOnly Purposes = 1<<0 | 1<<2 | 1<<3 | 1<<4 | 1<<5

// Allowed returns the purposes that the string allows to the vendor, which is
// made by the Vendor method of the same string, if it declared them on the given
// basis. flexible are those that it declared it could also do on the other basis:
// only for these may a publisher's restriction change the basis; for the others a
// restriction to the other basis forbids.
//
// On consent, both the purpose and the vendor need their bit; on legitimate
// interest too, and a missing bit is an objection. A vendor that was not shown is
// allowed nothing. Without a vendor (ID 0) the publisher's own segment decides
// if there is one, else the purposes of the core.
//
// It does not ask whether the string is still valid: Check does.
func (s *String) Allowed(v *Vendor, basis Basis, flexible Purposes) Purposes {
	if v.Listed && !v.Shown && v.ID != 0 {
		return 0
	}
	consent, legInt := s.given(v)
	legInt &^= consentOnly
	var ok Purposes
	switch basis {
	case Consent:
		ok = consent&^v.RequireLegInt | legInt&v.RequireLegInt&flexible
	case LegInt:
		ok = legInt&^v.RequireConsent | consent&v.RequireConsent&flexible
	}
	return ok &^ v.NotAllowed
}

// given returns the purposes with the bits of the purpose and of the vendor.
func (s *String) given(v *Vendor) (consent, legInt Purposes) {
	if v.ID == 0 {
		if s.hasPublisher {
			return s.publisher.Consents, s.publisher.LegInt
		}
		return s.purposeConsents, s.purposeLegInt
	}
	if v.Consent {
		consent = s.purposeConsents
	}
	if v.LegInt {
		legInt = s.purposeLegInt
	}
	return consent, legInt
}

// Allows says whether the string allows one purpose to one vendor (0 for none),
// as Allowed does for all purposes.
func (s *String) Allows(purpose, vendor int, basis Basis, flexible bool) bool {
	v := s.Vendor(vendor)
	var may Purposes
	if flexible {
		may = Purpose(purpose)
	}
	return s.Allowed(&v, basis, may).Has(purpose)
}
