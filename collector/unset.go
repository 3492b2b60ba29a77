package collector

import (
	"zgoda/consent"
	"zgoda/event"
)

// unset fills in of an event that a page of ours held, since nobody had chosen
// yet, for which purposes a grant on that page released it. The mark is a claim of
// a client: it narrows what the event may be stored for, and opens nothing. It
// releases nothing where the site does not turn that on, nor from a server, which
// has no page.
func (w *work) unset(it *item, s *consent.Subject) {
	if !w.held(it) {
		return
	}
	s.Unset = true
	if w.secret || !w.site.ReleaseUnset {
		return
	}
	if it.waited != nil {
		s.Released = it.waited.Released
		return
	}
	policy := w.site.Policy
	for named := it.ev.Released.Items(); named.Next(); {
		name := named.Value().Text()
		for i := range policy.Purposes {
			if p := &policy.Purposes[i]; string(name) == string(p.ID) && p.Bit < event.MaxPurposes {
				s.Released = s.Released.With(p.Bit)
			}
		}
	}
}

// held says whether a page held the event before it sent it.
func (w *work) held(it *item) bool {
	if it.waited != nil {
		return it.waited.Unset
	}
	return w.snippet && it.ev.Released.Exists()
}

// The fates of events that a page held, as their counter names them.
const (
	heldOff      = iota // released by the page, where the site does not turn that on
	heldExpired         // nobody agreed while the page was there
	heldReleased        // stored for what they were released for
	heldDenied          // released by the page, and denied
	heldFates
)

var heldNames = [heldFates]string{"off", "not_released", "released", "denied"}

// countHeld counts what became of an event that a page held.
func (w *work) countHeld(it *item, released bool) {
	if !w.held(it) {
		return
	}
	fate, none := heldDenied, it.ev.Released.Len() == 0
	if it.waited != nil {
		none = it.waited.Released == 0
	}
	switch {
	case none:
		fate = heldExpired
	case w.secret || !w.site.ReleaseUnset:
		fate = heldOff
	case released:
		fate = heldReleased
	}
	w.c.metrics.held[fate].Inc()
}
