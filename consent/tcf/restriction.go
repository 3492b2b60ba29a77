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
	for range s.restrictionCount {
		purpose, kind, n := restriction(r)
		if r.Short() {
			return ErrShort
		}
		if purpose < 1 || purpose > MaxPurpose || kind >= restrictionEnd {
			return ErrRestriction
		}
		if e := checkEntries(r, n, vendorMax); e != 0 {
			return e
		}
	}
	if r.Short() {
		return ErrShort
	}
	return 0
}

// restriction reads the head of one restriction: the purpose, what it is
// restricted to, and how many entries of vendors follow.
func restriction(r *bits.Reader) (purpose int, kind Restriction, n int) {
	head := r.Take(20)
	return int(head >> 14), Restriction(head>>12&3) + NotAllowed, int(head & 0xfff)
}

// Restrictions calls yield with each publisher restriction and each run of
// vendors that it names, in the order of the text, until yield returns false.
func (s *String) Restrictions(yield func(purpose int, kind Restriction, first, last int) bool) {
	r := s.reader(s.restrictions)
	for range s.restrictionCount {
		purpose, kind, n := restriction(&r)
		if !entries(&r, n, func(first, last int) bool { return yield(purpose, kind, first, last) }) {
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
	if s.restrictionCount == 0 {
		return
	}
	r := s.reader(s.restrictions)
	for range s.restrictionCount {
		purpose, kind, n := restriction(&r)
		if !within(&r, n, v.ID) {
			continue
		}
		switch kind {
		case RequireConsent:
			v.RequireConsent |= Purpose(purpose)
		case RequireLegInt:
			v.RequireLegInt |= Purpose(purpose)
		case Unrestricted, NotAllowed:
			v.NotAllowed |= Purpose(purpose)
		}
	}
	v.RequireConsent &^= v.NotAllowed
	v.RequireLegInt &^= v.NotAllowed | v.RequireConsent
}
