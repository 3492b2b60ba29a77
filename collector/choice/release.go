package choice

import (
	"zgoda/consent"
	"zgoda/event"
)

// unset returns the purposes for which a page may hold what is made on it, where
// the site lets a grant release that: nobody has chosen about them in this browser
// or refuses them, and nothing but a grant is missing.
//
// A browser that has an identifier of ours is offered nothing: a choice was made in
// it, and what is on record of the person may hold refusals that a page is not
// told. Nor is one whose signals cannot be read.
func (v *visit) unset(now *State) (open []event.PurposeID) {
	if !v.site.ReleaseUnset || v.known || v.broken() {
		return nil
	}
	for id, p := range now.Purposes {
		if p.Choice == nil && !p.Allowed && p.By == consent.SourceDefault.String() {
			open = append(open, id)
		}
	}
	return open
}

// broken says whether a signal is there but cannot be read.
func (v *visit) broken() bool {
	for i := range v.signals.Statements[:v.signals.Count] {
		if v.signals.Statements[i].Broken {
			return true
		}
	}
	return false
}

// releases returns for which purposes a choice releases what the page held: those
// that were unset before it, that it grants, and that are allowed now. now is nil
// where the choice was not taken.
func (s *statement) releases(now *State, unset []event.PurposeID) (freed []event.PurposeID) {
	for _, id := range unset {
		if now != nil && s.choices[string(id)] && now.Purposes[id].Allowed {
			freed = append(freed, id)
		}
	}
	return freed
}

// mark marks purposes for what a page holds.
func (s *State) mark(ids []event.PurposeID) {
	for _, id := range ids {
		p := s.Purposes[id]
		p.Release = true
		s.Purposes[id] = p
	}
}
