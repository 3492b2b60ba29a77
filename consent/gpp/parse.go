package gpp

import (
	"bytes"

	"zgoda/consent/bits"
)

// MaxLength bounds the text of a string, in octets.
const MaxLength = 8 << 10

const (
	headerType    = 3
	headerVersion = 1
	maxRanges     = 64
	maxID         = 63
)

// Parse reads a GPP string and appends the sections that it knows to dst, in the
// string's order. They borrow text. A text that is a TC string only ("C...") is
// read as its section 2. The texts of TCFEU and USPV1 are not looked into:
// tcf.Parse and ParseUSPrivacy do that.
//
// The error is an Error; text that gives one is present but cannot be read, and
// dst is returned as it was.
func Parse(text []byte, dst []Section) ([]Section, error) {
	all, e := parse(text, dst)
	if e != 0 {
		return dst, e
	}
	return all, nil
}

func parse(text []byte, dst []Section) ([]Section, Error) {
	switch {
	case len(text) == 0:
		return nil, ErrEmpty
	case len(text) > MaxLength:
		return nil, ErrLong
	case text[0] == 'C':
		return append(dst, Section{ID: TCFEU, Text: text}), 0
	}
	head, rest, more := bytes.Cut(text, []byte("~"))
	ids, e := header(head)
	if e != 0 {
		return nil, e
	}
	for id := ID(1); id <= maxID; id++ {
		if ids>>id&1 == 0 {
			continue
		}
		if !more {
			return nil, ErrCount
		}
		var section []byte
		section, rest, more = bytes.Cut(rest, []byte("~"))
		if len(section) == 0 {
			return nil, ErrEmpty
		}
		if dst, e = appendSection(dst, id, section); e != 0 {
			return nil, e
		}
	}
	if more {
		return nil, ErrCount
	}
	return dst, 0
}

// header reads the header and returns the ids of its sections, bit 1 for id 1.
// The ids of a header rise, so that the set has their order.
func header(text []byte) (ids uint64, e Error) {
	if !bits.Valid(text) {
		return 0, ErrAlphabet
	}
	r := bits.NewReader(text, 0)
	if r.Take(6) != headerType || r.Take(6) != headerVersion {
		return 0, ErrHeader
	}
	n := r.Take(12)
	if n > maxRanges {
		return 0, ErrIDs
	}
	last := 0
	for range n {
		group := r.Flag()
		last += fibonacci(&r)
		first := last
		if group {
			last += fibonacci(&r)
		}
		if last > maxID {
			return 0, ErrIDs
		}
		ids |= 1<<(last+1) - 1<<first
	}
	if r.Short() {
		return 0, ErrShort
	}
	return ids, 0
}

// fibonacci reads a Fibonacci integer: a bit for each of 1, 2, 3, 5, 8 ..., ended
// by a second 1 in a row. One that is too large for an id, or has no end, is
// returned as maxID+1.
func fibonacci(r *bits.Reader) int {
	value, previous := 0, false
	for a, b := 1, 2; a <= maxID; a, b = b, a+b {
		bit := r.Flag()
		if bit && previous {
			return value
		}
		if bit {
			value += a
		}
		previous = bit
	}
	if previous && r.Flag() {
		return value
	}
	return maxID + 1
}

// appendSection reads one section, unless it is of an id that is not known.
func appendSection(dst []Section, id ID, text []byte) ([]Section, Error) {
	switch {
	case id == TCFEU:
		return append(dst, Section{ID: id, Text: text}), 0
	case id == USPV1:
		if _, err := ParseUSPrivacy(text); err != nil {
			return nil, ErrUSPrivacy
		}
		return append(dst, Section{ID: id, Text: text}), 0
	case id > lastI || layouts[id] == nil:
		return dst, 0
	}
	dst = append(dst, Section{ID: id, Text: text})
	return dst, dst[len(dst)-1].read()
}

// read reads the fields of an American section out of its text.
func (s *Section) read() Error {
	core, sub, subbed := bytes.Cut(s.Text, []byte("."))
	if !bits.Valid(core) || !bits.Valid(sub) {
		if bytes.IndexByte(sub, '.') >= 0 {
			return ErrSubsection
		}
		return ErrAlphabet
	}
	if len(core) == 0 || subbed && len(sub) == 0 {
		return ErrEmpty
	}
	r := bits.NewReader(core, 0)
	s.Version = uint8(r.Take(6))
	l := s.layout(len(core))
	if l == nil {
		return ErrVersion
	}
	for _, f := range l.core {
		if !s.values(&r, f) {
			return ErrValue
		}
	}
	if r.Short() {
		return ErrShort
	}
	if subbed {
		return s.subsection(l, sub)
	}
	return 0
}

// layout returns how a section of this version and so many signs is laid out.
func (s *Section) layout(signs int) *layout {
	for _, l := range layouts[s.ID] {
		if l.version == s.Version && signs >= l.shortest && (l.longest == 0 || signs <= l.longest) {
			return l
		}
	}
	return nil
}

// values reads the values of one field and says whether all are defined.
func (s *Section) values(r *bits.Reader, f field) bool {
	s.has |= 1 << f.field
	var to []Value
	switch f.field {
	case SensitiveDataProcessing:
		s.sensitiveCount = f.n
		to = s.sensitive[:f.n]
	case KnownChildSensitiveDataConsents:
		s.childCount = f.n
		to = s.child[:f.n]
	default:
		to = s.single[f.field : f.field+1]
	}
	for i := range to {
		v := Value(r.Take(2))
		if v == undefined || v == NotApplicable && f.field == MspaCoveredTransaction && !r.Short() {
			return false
		}
		to[i] = v
	}
	return true
}

// gpcType is the type of the subsection for Global Privacy Control.
const gpcType = 1

// subsection reads the one subsection that a section may have: GPC, or the
// categories of sensitive data. Any other is refused, as it may take back what
// the section says.
func (s *Section) subsection(l *layout, text []byte) Error {
	r := bits.NewReader(text, 0)
	switch {
	case l.gpc:
		if r.Take(2) != gpcType {
			return ErrSubsection
		}
		s.GPC = Off
		if r.Flag() {
			s.GPC = On
		}
	case l.sensitive > 0:
		if !s.values(&r, field{SensitiveDataProcessing, l.sensitive}) {
			return ErrValue
		}
	default:
		return ErrSubsection
	}
	if r.Short() {
		return ErrShort
	}
	return 0
}
