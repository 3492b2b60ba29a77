package collector

import (
	"zgoda/consent"
	"zgoda/event"
)

// noteOptOut has it recorded that Global Privacy Control of a known contact opts
// out under the law of a US state. It is the one thing that an event ever writes
// to the ledger, in the background, and once: who has it on record is passed over.
func (w *work) noteOptOut(s *consent.Subject, contact event.Handle) {
	if w.c.deps.OptOuts == nil || w.dry || w.signals.GPC == consent.Absent || s.Contact == nil || s.Contact.OptOut {
		return
	}
	if american(w.site.Policy, s) {
		w.c.deps.OptOuts.Note(w.site.ID, contact, w.signals.GPCIn)
	}
}

// american says whether the law of the US or one of its states holds for the
// contact: by the country on record, by the address, or by where the controller is
// established. As everywhere the strictest of them counts, so any of them will do,
// and where neither the country nor the address is known, that the site has rules
// for the US at all: the event is decided by those too.
func american(policy *consent.Policy, s *consent.Subject) bool {
	if s.Contact.Place.American() || s.Address.American() || policy.Establishment.American() {
		return true
	}
	if s.Contact.Place != consent.JurisdictionUnknown || s.Address != consent.JurisdictionUnknown {
		return false
	}
	for i := range policy.Tables {
		if policy.Tables[i].Jurisdiction.American() {
			return true
		}
	}
	return false
}
