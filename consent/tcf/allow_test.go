package tcf

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
)

// TestAllows goes through what decides about a vendor, one rule after the other.
func TestAllows(t *testing.T) {
	tests := []struct {
		name     string
		change   func(c *core)
		more     string
		purpose  int
		vendor   int
		basis    Basis
		flexible bool
		want     bool
	}{
		{name: "consent", purpose: 3, vendor: 2, want: true},
		{name: "consent without the vendor", purpose: 3, vendor: 4},
		{name: "consent without the purpose", change: func(c *core) { c.consents = 0 }, purpose: 3, vendor: 2},
		{name: "legitimate interest", purpose: 7, vendor: 2, basis: LegInt, want: true},
		{name: "legitimate interest without the vendor", purpose: 7, vendor: 4, basis: LegInt},
		{name: "legitimate interest objected to", change: func(c *core) { c.legInt = 0 }, purpose: 7, vendor: 2, basis: LegInt},
		{name: "legitimate interest for purpose 3", change: func(c *core) { c.legInt = 1<<24 - 1 }, purpose: 3, vendor: 2, basis: LegInt},
		{name: "an unknown basis", purpose: 7, vendor: 2, basis: 2},
		{name: "purpose 0", purpose: 0, vendor: 2},
		{name: "purpose 25", purpose: 25, vendor: 2},
		{name: "vendor -1", purpose: 3, vendor: -1},
		{name: "vendor 65536", purpose: 3, vendor: 1 << 16},
		{name: "shown", more: "." + shownTo(2), purpose: 3, vendor: 2, want: true},
		{name: "not shown", more: "." + shownTo(1), purpose: 3, vendor: 2},
		{name: "not shown, legitimate interest", more: "." + shownTo(1), purpose: 7, vendor: 2, basis: LegInt},
		{name: "not allowed", change: func(c *core) { c.rest = restrictTo(3, 0, run{2, 2}) }, purpose: 3, vendor: 2, flexible: true},
		{name: "another vendor is not allowed", change: func(c *core) { c.rest = restrictTo(3, 0, run{3, 9}) }, purpose: 3, vendor: 2, want: true},
		{name: "another purpose is not allowed", change: func(c *core) { c.rest = restrictTo(4, 0, run{1, 9}) }, purpose: 3, vendor: 2, want: true},
		{name: "consent required of consent", change: func(c *core) { c.rest = restrictTo(7, 1, run{1, 9}) }, purpose: 7, vendor: 2, want: true},
		{name: "consent required of legitimate interest", change: func(c *core) { c.rest = restrictTo(7, 1, run{1, 9}) }, purpose: 7, vendor: 2, basis: LegInt},
		{name: "consent required of a flexible one", change: func(c *core) { c.rest = restrictTo(7, 1, run{1, 9}) }, purpose: 7, vendor: 2, basis: LegInt, flexible: true, want: true},
		{name: "legitimate interest required of consent", change: func(c *core) { c.rest = restrictTo(7, 2, run{1, 9}) }, purpose: 7, vendor: 2},
		{name: "legitimate interest required of a flexible one", change: func(c *core) { c.rest = restrictTo(7, 2, run{1, 9}) }, purpose: 7, vendor: 2, flexible: true, want: true},
		{name: "legitimate interest required for purpose 3", change: func(c *core) { c.legInt, c.rest = 1<<24-1, restrictTo(3, 2, run{1, 9}) }, purpose: 3, vendor: 2, flexible: true},
		{name: "no vendor: the core", purpose: 3, want: true},
		{name: "no vendor: the core refuses", change: func(c *core) { c.consents = 0 }, purpose: 3},
		{name: "no vendor: the publisher refuses", more: "." + publisherOf(0, 0), purpose: 3},
		{name: "no vendor: the publisher's consent", change: func(c *core) { c.consents = 0 }, more: "." + publisherOf(1<<21, 0), purpose: 3, want: true},
		{name: "no vendor: the publisher's legitimate interest", more: "." + publisherOf(0, 1<<17), purpose: 7, basis: LegInt, want: true},
		{name: "no vendor: shown to others", more: "." + shownTo(1), purpose: 3, want: true},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			c := newCore()
			if test.change != nil {
				test.change(c)
			}
			s := must(t, c.String()+test.more)
			if got := s.Allows(test.purpose, test.vendor, test.basis, test.flexible); got != test.want {
				t.Errorf("allowed %v", got)
			}
		})
	}
}

// TestStrictestRestriction: of several restrictions the strictest holds, in any
// order.
func TestStrictestRestriction(t *testing.T) {
	for _, order := range [][]uint64{{0, 1, 2}, {2, 1, 0}, {1, 0, 2}, {2, 1}, {1, 2}, {2}} {
		c := newCore()
		c.rest = func(w *writer) {
			w.put(uint64(len(order)), 12)
			for _, kind := range order {
				w.put(7, 6).put(kind, 2).ranges(run{9, 9}, run{1, 3})
			}
		}
		s := must(t, c.String())
		want := Restriction(slices.Min(order)) + NotAllowed
		if got := s.Restriction(7, 2); got != want {
			t.Errorf("%v: %v, want %v", order, got, want)
		}
		if s.Restriction(7, 4) != Unrestricted || s.Restriction(8, 2) != Unrestricted {
			t.Errorf("%v: restricts another vendor or purpose", order)
		}
	}
}

func inRuns(list []run, id int) bool {
	return slices.ContainsFunc(list, func(r run) bool { return r[0] <= id && id <= r[1] })
}

// told is section "how to check consent" of the framework, written down step by
// step over the fields that the reference reads.
func told(f *fields, purpose, vendor int, basis Basis, flexible bool) bool {
	never := []int{1, 3, 4, 5, 6}
	consents, legInt := f.PurposeConsents, f.PurposeLegInt
	byVendor, byVendorLegInt := true, true
	if vendor == 0 {
		if f.Publisher != nil {
			consents, legInt = f.Publisher.Consents, f.Publisher.LegInt
		}
	} else {
		byVendor, byVendorLegInt = inRuns(f.VendorConsents, vendor), inRuns(f.VendorLegInt, vendor)
		if f.Disclosed != nil && !inRuns(*f.Disclosed, vendor) {
			return false
		}
	}
	kind := 3
	for _, r := range f.Restrictions {
		if vendor != 0 && r.Purpose == purpose && inRuns(r.Vendors, vendor) {
			kind = min(kind, r.Type)
		}
	}
	switch {
	case kind == 0:
		return false
	case kind == 1 && basis == LegInt, kind == 2 && basis == Consent:
		if !flexible {
			return false
		}
		basis = map[Basis]Basis{Consent: LegInt, LegInt: Consent}[basis]
	}
	if basis == Consent {
		return slices.Contains(consents, purpose) && byVendor
	}
	return slices.Contains(legInt, purpose) && byVendorLegInt && !slices.Contains(never, purpose)
}

// TestAllowsAsTold compares Allows with the framework's own words on random
// strings, for vendors at the edges of every run.
func TestAllowsAsTold(t *testing.T) {
	seed := rand.Uint32()
	asked, allowed := 0, 0
	reference(t, nil, func(v *verdict) {
		s := must(t, v.String)
		ids := []int{0, 1}
		lists := [][]run{v.VendorConsents, v.VendorLegInt}
		if v.Disclosed != nil {
			lists = append(lists, *v.Disclosed)
		}
		for _, r := range v.Restrictions {
			lists = append(lists, r.Vendors)
		}
		for _, list := range lists {
			if len(list) > 0 {
				r := list[len(list)/2]
				ids = append(ids, r[0], r[1]+1)
			}
		}
		for _, vendor := range ids {
			for purpose := range MaxPurpose + 2 {
				for _, basis := range []Basis{Consent, LegInt} {
					for _, flexible := range []bool{false, true} {
						asked++
						want := told(&v.fields, purpose, vendor, basis, flexible)
						if want {
							allowed++
						}
						if got := s.Allows(purpose, vendor, basis, flexible); got != want {
							t.Fatalf("%s: purpose %d, vendor %d, basis %d, flexible %v: %v", v.String, purpose, vendor, basis, flexible, got)
						}
					}
				}
			}
		}
	}, "make", "150", strconv.FormatUint(uint64(seed), 10))
	t.Logf("seed %d: %d questions, %d allowed, no difference", seed, asked, allowed)
	if allowed == 0 || allowed == asked {
		t.Error("the questions have all one answer")
	}
}
