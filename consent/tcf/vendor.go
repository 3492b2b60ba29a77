package tcf

// Vendor is all that a string says about one vendor. Making it walks the string
// once; afterwards every question is a mask.
type Vendor struct {
	// ID is the vendor's number in the Global Vendor List; 0 means none: a site
	// that reads the string for itself, as the publisher.
	ID int
	// Consent and LegInt are the vendor's own bits.
	Consent, LegInt bool
	// Listed says whether the string has the Disclosed Vendors segment, Shown
	// whether the vendor is in it.
	Listed, Shown bool
	// The publisher's restrictions: a purpose is in one of them at most, the
	// strictest.
	NotAllowed, RequireConsent, RequireLegInt Purposes
}

// Vendor returns what the string says about the vendor with the given id, 0 for
// none. An id beyond 65535 is no vendor's, so everything is refused to it.
func (s *String) Vendor(id int) Vendor {
	v := Vendor{ID: id, Listed: s.disclosed.present}
	if id == 0 {
		return v
	}
	v.Consent = s.VendorConsents().Has(id)
	v.LegInt = s.VendorLegInt().Has(id)
	if v.Listed {
		shown, _ := s.Disclosed()
		v.Shown = shown.Has(id)
	}
	s.restrict(&v)
	return v
}

// Restriction returns the strictest restriction of the purpose for this vendor.
func (v *Vendor) Restriction(purpose int) Restriction {
	switch {
	case v.NotAllowed.Has(purpose):
		return NotAllowed
	case v.RequireConsent.Has(purpose):
		return RequireConsent
	case v.RequireLegInt.Has(purpose):
		return RequireLegInt
	default:
		return Unrestricted
	}
}
