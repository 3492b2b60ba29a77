package tcf

import "testing"

// FuzzParse: no text makes the reader panic, and what it reads hangs together.
func FuzzParse(f *testing.F) {
	c := newCore()
	c.vendors = func(w *writer) { w.vendorRanges(900, run{1, 1}, run{5, 80}, run{900, 900}) }
	c.rest = restrictTo(7, 1, run{1, 9})
	for _, text := range []string{
		"", ".", "C", newCore().String(), c.String() + "." + shownTo(1, 5) + "." + publisherOf(1, 2),
		c.String() + "." + segmentOf(segmentAllowed, func(w *writer) { w.vendorField(3, 1) }),
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		s, err := Parse(text)
		if err != nil {
			if s.Vendor(1) != (Vendor{ID: 1}) {
				t.Error("a string that cannot be read says something")
			}
			return
		}
		for first, last := range s.VendorConsents().All() {
			if first < 1 || last < first || last > s.VendorConsents().Max() {
				t.Errorf("vendors %d to %d", first, last)
			}
			if !s.VendorConsents().Has(first) || !s.VendorConsents().Has(last) {
				t.Errorf("vendors %d to %d are in the set and are not", first, last)
			}
		}
		for _, vendor := range []int{0, 1, 7, 900, 65535} {
			v := s.Vendor(vendor)
			if v.NotAllowed&v.RequireConsent|v.NotAllowed&v.RequireLegInt|v.RequireConsent&v.RequireLegInt != 0 {
				t.Errorf("vendor %d: two restrictions at once", vendor)
			}
			may := s.Allowed(&v, Consent, 0)
			if vendor != 0 && may&^s.PurposeConsents() != 0 || s.Allowed(&v, LegInt, 0)&consentOnly != 0 {
				t.Errorf("vendor %d is allowed what nobody consented to", vendor)
			}
		}
	})
}
