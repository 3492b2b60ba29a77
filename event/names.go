package event

// SiteID names one site, which is one controller's pseudonymisation domain:
// the same person has unrelated pseudonyms on two sites.
type SiteID string

// PurposeID names one purpose of processing as a site declares it, for example
// "profiling".
type PurposeID string

// MaxPurposes is the number of purposes a site may ever declare: purposes are
// stored as a bit set of this width, and a bit is never reused.
const MaxPurposes = 32

// PurposeSet is a set of purposes by their bit numbers.
type PurposeSet uint32

// Has says whether the purpose with the given bit number is in the set.
func (s PurposeSet) Has(bit uint8) bool { return s&(1<<bit) != 0 }

// With returns the set with the purpose of the given bit number added.
func (s PurposeSet) With(bit uint8) PurposeSet { return s | 1<<bit }

// Sequence is a position in the control store's order of changes. A greater
// sequence is a later change; zero is before every change.
type Sequence uint64

// KeyVersion tells under which version of the purpose key a pseudonym was made.
type KeyVersion uint32

// Type is the kind of an event in Segment's vocabulary.
type Type uint8

// The types of events. The zero value is not a type.
const (
	TypeUnknown Type = iota
	TypeTrack
	TypePage
	TypeScreen
	TypeIdentify
	TypeGroup
	TypeAlias
)

var typeNames = [...]string{"unknown", "track", "page", "screen", "identify", "group", "alias"}

// String returns the type as the wire writes it, for example "track".
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return typeNames[TypeUnknown]
}

// ParseType reads a type as the wire writes it. ok is false for any other text.
func ParseType(s []byte) (t Type, ok bool) {
	for i := 1; i < len(typeNames); i++ {
		if string(s) == typeNames[i] {
			return Type(i), true
		}
	}
	return TypeUnknown, false
}

// Scope says how much identity a stored event carries.
type Scope uint8

// The scopes, from the least identity to the most. The zero value stores
// nothing about anyone.
const (
	ScopeNone   Scope = iota // no subject; times cut to the hour
	ScopePeriod              // the analytics pseudonym of one month
	ScopePerson              // the profiling pseudonym
)

var scopeNames = [...]string{"none", "period", "person"}

// String returns the scope as ClickHouse's enumeration writes it.
func (s Scope) String() string {
	if int(s) < len(scopeNames) {
		return scopeNames[s]
	}
	return scopeNames[ScopeNone]
}
