package telemetry

import (
	"slices"

	"zgoda/event"
)

// SiteLimit is how many sites are told apart by a label: each costs a few series,
// and who runs hundreds of sites asks ClickHouse, which counts them all.
const SiteLimit = 50

// otherSites is the label of every site beyond the limit.
const otherSites = "other"

// SiteLabels are the values of the label "site". They are immutable and safe for
// concurrent use.
type SiteLabels struct {
	own  map[event.SiteID]struct{}
	more bool
}

// NewSiteLabels gives the first limit sites by name a label of their own; the
// others share "other". The same sites give the same labels after a restart.
func NewSiteLabels(ids []event.SiteID, limit int) SiteLabels {
	sorted := slices.Clone(ids)
	slices.Sort(sorted)
	sorted = slices.Compact(sorted)
	first := sorted[:min(len(sorted), max(0, limit))]
	s := SiteLabels{own: make(map[event.SiteID]struct{}, len(first)), more: len(first) < len(sorted)}
	for _, id := range first {
		s.own[id] = struct{}{}
	}
	return s
}

// Label returns the label of a site.
func (s SiteLabels) Label(id event.SiteID) string {
	if _, ok := s.own[id]; ok {
		return string(id)
	}
	return otherSites
}

// All returns every label that Label can return for the sites there are, in order.
func (s SiteLabels) All() []string {
	all := make([]string, 0, len(s.own)+1)
	for id := range s.own {
		all = append(all, string(id))
	}
	if s.more {
		all = append(all, otherSites)
	}
	slices.Sort(all)
	return slices.Compact(all) // a site may be called so
}
