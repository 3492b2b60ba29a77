package consent

// said is what all statements of a request say, as sets of purposes by their
// index: a rule asks one bit, and looks for who said it only where there is one.
type said struct {
	refused uint32 // by any but ADPC, which the site's table limits
	adpc    uint32 // refused by ADPC
	granted uint32 // by any, whether or not it may
	// unreadable is true when any signal is there but cannot be read, as a whole
	// or about one purpose.
	unreadable bool
}

// said reads what the statements say about so many purposes.
func (s *Signals) said(purposes int) (all said) {
	all.unreadable = s.Count < 0 || s.Count > MaxStatements
	used := s.used()
	for i := range used {
		st := &used[i]
		refused, granted, unreadable := st.sets(purposes)
		if st.Source == SourceADPC {
			all.adpc |= refused
		} else {
			all.refused |= refused
		}
		all.granted |= granted
		all.unreadable = all.unreadable || st.Broken || unreadable != 0
	}
	return all
}

// sets returns the first purposes that are refused, granted and unreadable.
func (s *Statement) sets(purposes int) (refused, granted, unreadable uint32) {
	n := max(0, min(purposes, MaxStatementPurposes))
	for at := 0; at < n; at += readingsAtOnce {
		r := s.Readings[at : at+readingsAtOnce : at+readingsAtOnce]
		one, two, both := sort(uint64(r[0]) | uint64(r[1])<<8 | uint64(r[2])<<16 | uint64(r[3])<<24 |
			uint64(r[4])<<32 | uint64(r[5])<<40 | uint64(r[6])<<48 | uint64(r[7])<<56)
		refused, granted, unreadable = refused|one<<at, granted|two<<at, unreadable|both<<at
	}
	these := uint32(1<<n - 1)
	return refused & these, granted & these, unreadable & these
}

// readingsAtOnce is how many readings fit a register, each in its octet.
const readingsAtOnce = 8

// sort tells apart eight readings by their lowest two bits; what has a higher one
// is no reading that is known, so that it is unreadable.
func sort(readings uint64) (refused, granted, unreadable uint32) {
	const (
		lowest = 0x0101010101010101
		higher = 0x3f3f3f3f3f3f3f3f // what is above two bits, moved down
	)
	low, high := readings&lowest, readings>>1&lowest
	odd := (readings>>2&higher + higher) >> 6 & lowest // carries into bit 6 unless zero
	return gather(low &^ (high | odd)), gather(high &^ (low | odd)), gather(low&high | odd)
}

// gather puts the lowest bits of eight octets side by side.
func gather(octets uint64) uint32 { return uint32(octets * 0x0102040810204080 >> 56) }
