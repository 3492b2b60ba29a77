package tcf

import (
	"bytes"

	"zgoda/consent/bits"
)

// The types of the segments: the first three bits of each but the core, which
// begins with its version instead.
const (
	segmentCore = iota
	segmentDisclosed
	segmentAllowed
	segmentPublisher
)

const (
	version   = 2
	vendorMax = 1<<16 - 1
)

// Parse reads a TC string. The String borrows text. The error is an Error; text
// that gives one is present but cannot be read.
func Parse(text []byte) (String, error) {
	var s String
	if e := s.parse(text); e != 0 {
		return String{}, e
	}
	return s, nil
}

func (s *String) parse(text []byte) Error {
	if len(text) == 0 {
		return ErrEmpty
	}
	if len(text) > MaxLength {
		return ErrLong
	}
	s.text = text
	for start := 0; ; {
		end := len(text)
		if dot := bytes.IndexByte(text[start:], '.'); dot >= 0 {
			end = start + dot
		}
		if e := s.segment(text[:end], start); e != 0 {
			return e
		}
		if end == len(text) {
			return 0
		}
		start = end + 1
	}
}

// segment reads one segment, which goes from the given sign to the end of text.
func (s *String) segment(text []byte, start int) Error {
	if start == len(text) {
		return ErrEmpty
	}
	if !bits.Valid(text[start:]) {
		return ErrAlphabet
	}
	r := bits.NewReader(text, start*bits.Width)
	if start == 0 {
		return s.core(&r)
	}
	switch r.Take(3) {
	case segmentDisclosed:
		return s.disclosed.once(&r)
	case segmentAllowed:
		return s.allowed.once(&r)
	case segmentPublisher:
		return s.publisherTC(&r)
	default:
		// A segment that is not known may take back what the known ones say, as
		// Disclosed Vendors did when they were new.
		return ErrSegment
	}
}

// core reads the first segment.
func (s *String) core(r *bits.Reader) Error {
	if r.Take(6) != version {
		return ErrVersion
	}
	s.created = int64(r.Take(36))
	s.updated = int64(r.Take(36))
	s.cmpID = uint16(r.Take(12))
	s.cmpVersion = uint16(r.Take(12))
	s.consentScreen = uint8(r.Take(6))
	lettersAreValid := letters(r, &s.language)
	s.vendorListVersion = uint16(r.Take(12))
	s.policyVersion = uint8(r.Take(6))
	s.serviceSpecific = r.Flag()
	s.ownTexts = r.Flag()
	s.specialFeatures = SpecialFeatures(reverse(r.Take(12), 12))
	s.purposeConsents = purposes(r)
	s.purposeLegInt = purposes(r)
	s.purposeOneHidden = r.Flag()
	lettersAreValid = letters(r, &s.country) && lettersAreValid
	switch {
	case r.Short():
		return ErrShort
	case s.cmpID < 2:
		return ErrCMP
	case !lettersAreValid:
		return ErrLetters
	case s.created > s.updated:
		return ErrTimes
	}
	if e := s.vendorConsents.once(r); e != 0 {
		return e
	}
	if e := s.vendorLegInt.once(r); e != 0 {
		return e
	}
	return s.readRestrictions(r)
}

// publisherTC reads the Publisher TC segment after its type.
func (s *String) publisherTC(r *bits.Reader) Error {
	if s.hasPublisher {
		return ErrSegment
	}
	s.hasPublisher = true
	p := &s.publisher
	p.Consents = purposes(r)
	p.LegInt = purposes(r)
	p.CustomCount = int(r.Take(6))
	p.CustomConsents = custom(r, p.CustomCount)
	p.CustomLegInt = custom(r, p.CustomCount)
	if r.Short() {
		return ErrShort
	}
	return 0
}

// letters reads two letters of six bits each and says whether they are.
func letters(r *bits.Reader, to *[2]byte) bool {
	a, b := r.Take(6), r.Take(6)
	to[0], to[1] = 'A'+byte(a), 'A'+byte(b)
	return a < 26 && b < 26
}

// purposes reads 24 bits, the first of which is purpose 1.
func purposes(r *bits.Reader) Purposes { return Purposes(reverse(r.Take(MaxPurpose), MaxPurpose)) }

// custom reads n bits, at most 63, the first of which becomes bit 0.
func custom(r *bits.Reader, n int) uint64 {
	first := min(n, bits.MaxTake)
	low := reverse(r.Take(first), first)
	return low | reverse(r.Take(n-first), n-first)<<(first&63)
}
