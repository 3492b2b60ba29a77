package collector

import (
	"zgoda/consent"
	"zgoda/event"
)

// browserDay is the pseudonym of one day of the browser that sends a request, made
// once for all its events.
type browserDay struct {
	asked, has bool
	handles    event.Handles
}

// nothingKnown is the record of whoever nothing is on record about. It is never
// written.
var nothingKnown consent.Record

// unknown gives an event of a page the pseudonym of the day, as its visitor's, where
// the whole request names nobody at all: neither a cookie nor any id, not even one
// that is a mere claim. A server's request has none, since its address and agent are
// the server's own.
//
// Nobody speaks for it: no grant in the request counts, as a grant would make it
// somebody, so it is stored for what needs none. Every refusal in the request counts.
func (w *work) unknown(s *consent.Subject, ids *consent.Identities) {
	if w.secret || w.noOrigin || len(w.ids) > 0 || w.c.deps.Daily == nil {
		return
	}
	if d := &w.day; !d.asked {
		d.asked = true
		for i := range w.items {
			if w.items[i].claim {
				return
			}
		}
		d.handles.Analytics, d.handles.Version, d.has = w.c.deps.Daily.Pseudonym(w.r.ReceivedAt, w.site.ID, w.r.Address, w.r.UserAgent)
		year, month, _ := w.r.ReceivedAt.UTC().Date()
		d.handles.Period = event.Period(year*100 + int(month))
	}
	if w.day.has {
		s.Visitor, ids.Visitor, ids.Day = &nothingKnown, w.day.handles, true
	}
}
