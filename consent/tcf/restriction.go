package tcf

import "zgoda/consent/bits"

// Restriction is what a publisher restricts a purpose of a vendor to.
type Restriction uint8

// The restrictions, the zero value being none.
const (
	Unrestricted   Restriction = iota
	NotAllowed                 // the purpose is forbidden altogether
	RequireConsent             // only on consent
	RequireLegInt              // only on legitimate interest
	restrictionEnd
)

// readRestrictions checks the publisher restrictions and notes where they are.
func (s *String) readRestrictions(r *bits.Reader) Error {
	s.restrictionCount = uint16(r.Take(12))
	s.restrictions = uint32(r.At())
	text, at := r.Text(), r.At()
	for range s.restrictionCount {
		if r.Short() || at+restrictionHead > len(text)*bits.Width {
			return ErrShort
		}
		purpose, kind, n := restriction(text, at)
		if purpose < 1 || purpose > MaxPurpose || kind >= restrictionEnd {
			return ErrRestriction
		}
		var e Error
		if at, e = checkEntries(text, at+restrictionHead, n, vendorMax); e != 0 {
			return e
		}
	}
	if r.Short() {
		return ErrShort
	}
	return 0
}

// restrictionHead is how many bits restriction reads.
const restrictionHead = 20

// restriction reads the head of one restriction: the purpose, what it is
// restricted to, and how many entries of vendors follow.
func restriction(text []byte, at int) (purpose int, kind Restriction, n int) {
	w := bits.Window(text, at)
	return int(w >> 58), Restriction(w>>56&3) + NotAllowed, int(w >> 44 & 0xfff)
}

// Restrictions calls yield with each publisher restriction and each run of
// vendors that it names, in the order of the text, until yield returns false.
func (s *String) Restrictions(yield func(purpose int, kind Restriction, first, last int) bool) {
	at := int(s.restrictions)
	for range s.restrictionCount {
		purpose, kind, n := restriction(s.text, at)
		at = entries(s.text, at+restrictionHead, n, func(first, last int) bool { return yield(purpose, kind, first, last) })
		if at < 0 {
			return
		}
	}
}

// Restriction returns the strictest restriction of the purpose for the vendor:
// not allowed, then consent, then legitimate interest.
func (s *String) Restriction(purpose, vendor int) Restriction {
	v := Vendor{ID: vendor}
	s.restrict(&v)
	return v.Restriction(purpose)
}

// restrict notes in v every restriction that names its vendor.
func (s *String) restrict(v *Vendor) {
	at := int(s.restrictions)
	for range s.restrictionCount {
		purpose, kind, n := restriction(s.text, at)
		var found bool
		if found, at = within(s.text, at+restrictionHead, n, v.ID); !found {
			continue
		}
		switch kind {
		case RequireConsent:
			v.RequireConsent |= Purpose(purpose)
		case RequireLegInt:
			v.RequireLegInt |= Purpose(purpose)
		default:
			v.NotAllowed |= Purpose(purpose)
		}
	}
	v.RequireConsent &^= v.NotAllowed
	v.RequireLegInt &^= v.NotAllowed | v.RequireConsent
}
