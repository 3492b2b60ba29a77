package event

// Flags tell of a stored event what its other columns do not, one bit each. A bit
// is never reused.
type Flags uint8

// FlagReleased marks an event that was made while nobody had chosen, was held on
// its page, and is stored for a purpose that the person agreed to there afterwards.
const FlagReleased Flags = 1 << 0

// FlagDay marks an event whose subject is the pseudonym of one day of a browser that
// nobody knows. Its key version is that day, counted since 1 January 1970 (UTC).
const FlagDay Flags = 1 << 1

// FlagsKnown are all flags that there are.
const FlagsKnown = FlagReleased | FlagDay

// Has says whether every flag of f is set.
func (s Flags) Has(f Flags) bool { return s&f == f }
