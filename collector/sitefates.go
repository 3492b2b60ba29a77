package collector

import (
	"github.com/prometheus/client_golang/prometheus"

	"zgoda/event"
	"zgoda/telemetry"
)

// siteFate is what the answer said of an event.
type siteFate uint8

const (
	siteAccepted siteFate = iota
	siteDropped
	siteRefused
	siteFates
)

var siteFateNames = [siteFates]string{"accepted", "dropped", "refused"}

// siteFate counters, by the number of a site.
type siteCounters [][siteFates]prometheus.Counter

func newSiteCounters(sites *Sites) (siteCounters, prometheus.Collector) {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "zgoda_site_events_total", Help: "Events by site and what the answer said: accepted (on disk), dropped (for consent) or refused (to be sent again, or wrong). The first 50 sites by name have a label of their own, the others are other. Of a request that is refused before its events are read, one is counted.",
	}, []string{"site", "fate"})
	var ids []event.SiteID
	for site := range sites.All {
		ids = append(ids, site.ID)
	}
	labels := telemetry.NewSiteLabels(ids, telemetry.SiteLimit)
	s := make(siteCounters, len(ids))
	for site := range sites.All {
		for f, name := range siteFateNames {
			s[site.number][f] = vec.WithLabelValues(labels.Label(site.ID), name)
		}
	}
	return s, vec
}

// count counts what an answer said; events is how many there were.
func (s siteCounters) count(a *Answer, events int) {
	if a.Site == nil {
		return
	}
	of := &s[a.Site.number]
	for f, n := range [siteFates]int{a.Accepted, a.Dropped, events - a.Accepted - a.Dropped} {
		if n > 0 {
			of[f].Add(float64(n))
		}
	}
}
