// Package gpp reads GPP strings, the IAB's Global Privacy Platform: the header,
// section 2 (a TC string, which is handed on as text), section 6 (us_privacy)
// and the American sections 7 to 27; also the us_privacy string by itself and
// the parameter gpp_sid.
//
// Parse appends the sections that it knows to a slice of the caller's; a Section
// holds every field of an American section as its two-bit value, under the name
// that the IAB gives it. Nothing is allocated but what the slice needs. Sections
// of other ids (Canada's 5 among them) are passed over. A value that is not
// defined, a field that is missing and a subsection that is not known make the
// whole string unreadable: the package is at least as strict as the IAB's own
// library in all it accepts.
//
// The American sections say who objected: an opt-out refuses, and nothing in
// them grants.
//
// The drafts of October 2025 for Maryland, Minnesota, Indiana, Kentucky and Rhode
// Island put a header of their own before a section. The IAB's library neither
// writes nor reads it; such a section is unreadable here, which refuses.
//
// It is pure: no I/O, no clock, and nothing of ours but the reading of bits.
//
// Source: IAB Tech Lab, "Global Privacy Platform" (core and sections), "MSPA US
// National" and the states' privacy sections; "U.S. Privacy String" (CCPA).
package gpp
