package consent

import "zgoda/event"

// browser is a set of the browser's signals that a site's table limits.
type browser uint8

const (
	browserGPC browser = 1 << iota
	browserDNT
	browserADPC
)

// browsers are they, the most telling first.
var browsers = [...]struct {
	bit    browser
	source Source
}{{browserGPC, SourceGPC}, {browserDNT, SourceDNT}, {browserADPC, SourceADPC}}

// browser returns which of GPC and DNT are present, about all purposes alike.
func (s *Signals) browser() browser {
	var present browser
	if s.GPC != Absent {
		present |= browserGPC
	}
	if s.DNT != Absent {
		present |= browserDNT
	}
	return present
}

// adpcRefuses says whether ADPC withdraws or objects to a purpose.
func (s *Signals) adpcRefuses(i int) bool {
	used := s.used()
	for j := range used {
		if used[j].Source == SourceADPC && used[j].Readings.At(i) == Refused {
			return true
		}
	}
	return false
}

// ADPC returns the purposes that ADPC withdraws or objects to, if it can be
// read: what a choice made now is made against.
func (s *Signals) ADPC(p *Policy) (against []event.PurposeID) {
	used := s.used()
	for j := range used {
		if used[j].Source == SourceADPC && used[j].Broken {
			return nil
		}
	}
	for i := range min(len(p.Purposes), MaxStatementPurposes) {
		if s.adpcRefuses(i) {
			against = append(against, p.Purposes[i].ID)
		}
	}
	return against
}
