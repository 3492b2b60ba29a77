package main

import (
	"fmt"
	"time"

	"zgoda/collector"
	"zgoda/collector/dryrun"
	"zgoda/collector/reasons"
	"zgoda/config"
	"zgoda/event"
	"zgoda/telemetry"
)

// trials are the dry runs of candidate policies, by site.
type trials map[event.SiteID]*dryrun.Trial

// Report returns what the dry run of a site has counted; false where there is none.
func (t trials) Report(site event.SiteID) (dryrun.Report, bool) {
	trial, ok := t[site]
	if !ok {
		return dryrun.Report{}, false
	}
	return trial.Report(), true
}

// metrics returns the metrics of all dry runs, with the labels of these sites.
func (t trials) metrics(sites *collector.Sites) *dryrun.Metrics {
	var ids []event.SiteID
	for site := range sites.All {
		ids = append(ids, site.ID)
	}
	labels := telemetry.NewSiteLabels(ids, telemetry.SiteLimit)
	all := make([]*dryrun.Trial, 0, len(t))
	for _, trial := range t {
		all = append(all, trial)
	}
	return dryrun.NewMetrics(labels.Label, all...)
}

// addCandidates puts the candidate policies beside the live ones of the sites.
func addCandidates(c config.Config, list []collector.Site) (trials, error) {
	candidates, err := c.Candidates()
	if err != nil {
		return nil, err
	}
	all := trials{}
	for i := range candidates {
		candidate := &candidates[i]
		at := siteAt(list, candidate.ID)
		if at == nil {
			return nil, fmt.Errorf("candidate: there is no site %s to run it beside", candidate.ID)
		}
		trial, err := dryrun.New(at.Policy, candidate.Policy, time.Now())
		if err != nil {
			return nil, fmt.Errorf("candidate: site %s: %w", candidate.ID, err)
		}
		all[candidate.ID] = trial
		at.Candidate = &collector.Candidate{
			Trial: trial, Special: collector.SpecialData(candidate.Special),
			Criminal: collector.SpecialData(candidate.Criminal), Child: collector.SpecialData(candidate.Child),
		}
	}
	return all, nil
}

func siteAt(list []collector.Site, id event.SiteID) *collector.Site {
	for i := range list {
		if list[i].ID == id {
			return &list[i]
		}
	}
	return nil
}

// newReasons makes the ring of why events were dropped.
func newReasons(c config.Config) (*reasons.Ring, error) {
	cfg := reasons.DefaultConfig()
	cfg.Entries = c.KeptReasons
	return reasons.New(cfg)
}
