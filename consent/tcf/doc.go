// Package tcf reads TC strings, the consent strings of the IAB's Transparency
// and Consent Framework, versions 2.2 and 2.3 (and the older 2.0 and 2.1, which
// are written alike).
//
// Parse checks the whole string once and notes where its parts are; a String
// borrows the text and answers from it. Nothing is allocated and no range is
// expanded, so that a few bytes cannot ask for much work. What a string does not
// say is false, and everything that is out of place makes it unreadable:
// the package is at least as strict as the IAB's own library in all it accepts.
//
//	s, err := tcf.Parse(text)            // err: present, but cannot be read
//	err = s.Check(now, tcf.DefaultRules()) // err: not valid at this time
//	v := s.Vendor(id)                    // what it says about one vendor, walked once
//	s.Allowed(&v, tcf.Consent, 0)        // the purposes that are allowed, as a mask
//
// It is pure: no I/O, no clock, and nothing of ours but the reading of bits.
//
// Sources: IAB Tech Lab, "Consent string and vendor list formats v2" (2.0 to
// 2.3); IAB Europe, TCF Policies.
package tcf
