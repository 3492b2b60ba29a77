package event

// Flags tell of a stored event what its other columns do not, one bit each. A bit
// is never reused.
type Flags uint8

// FlagReleased marks an event that was made while nobody had chosen, was held on
// its page, and is stored for a purpose that the person agreed to there afterwards.
const FlagReleased Flags = 1 << 0

// FlagsKnown are all flags that there are.
const FlagsKnown = FlagReleased

// Has says whether every flag of f is set.
func (s Flags) Has(f Flags) bool { return s&f == f }
