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
	these := uint32(1<<max(0, min(purposes, MaxStatementPurposes)) - 1)
	used := s.used()
	for i := range used {
		st := &used[i]
		if st.Source == SourceADPC {
			all.adpc |= st.Readings.refused & these
		} else {
			all.refused |= st.Readings.refused & these
		}
		all.granted |= st.Readings.granted & these
		all.unreadable = all.unreadable || st.Broken || st.Readings.unreadable&these != 0
	}
	return all
}
