package subjects

import (
	"time"

	"zgoda/event"
)

// Known answers from memory alone, into out, and says whether all of the identities
// were there. It asks nobody.
func (s *Set) Known(site event.SiteID, now time.Time, ids []Identity, out []Entry) bool {
	if len(out) < len(ids) || !s.hearing.trusted() {
		return len(ids) == 0
	}
	number, at := s.sites.find(site), s.calendar.momentOf(now)
	for i := range ids {
		if !s.peek(number, at, &ids[i], &out[i]) {
			return false
		}
	}
	return true
}

// Linked says whether memory alone tells that identifiers lead to one contact, or
// are known to be in conflict, and that the visitor, when given, is one of theirs:
// whether Link would ask nobody.
func (s *Set) Linked(site event.SiteID, now time.Time, contact []Identity, visitor *Identity) bool {
	_, ok := s.linked(site, now, contact, visitor)
	return ok
}
