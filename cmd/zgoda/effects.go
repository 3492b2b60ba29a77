package main

import (
	"context"

	"zgoda/config"
	"zgoda/consent"
	"zgoda/event"
	"zgoda/rights/effects"
	"zgoda/rights/reach"
)

// makeReach makes what follows withdrawals to the rows that are there.
func (n *node) makeReach() (err error) {
	n.reach, err = reach.New(reach.Deps{
		Store: n.control, Cases: n.rights, Records: n.subjects, Hider: n.servers, Policies: n.policyOf, Histories: n.histories,
		Lead: n.leadIn("reach"), Logger: n.log, Registerer: n.registry,
	})
	if err == nil {
		n.requests.Keep(n.reach.Needs)
	}
	return err
}

// makeEffects makes what restrictions and objections do at once.
func (n *node) makeEffects() (err error) {
	n.effects, err = effects.New(effects.Deps{
		Subjects: n.subjects, Cases: n.rights, Store: n.control, Hidden: n.servers, Finisher: n.requests, Sites: n.siteIDs, Policies: n.policyOf,
		Kept: func(site event.SiteID) bool { return n.histories(site).ProfilingOff == config.HistoryKeep },
		Lead: n.leadIn("hidden"), Logger: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	for _, right := range effects.Rights {
		n.requests.Use(right, n.effects)
	}
	return nil
}

// leadIn says whether this node is the one that looks after something; nil: it is
// alone.
func (n *node) leadIn(lease string) func(context.Context) (bool, error) {
	if !n.control.Shared() {
		return nil
	}
	return (&leading{store: n.control, lease: lease}).lead
}

func (n *node) policyOf(site event.SiteID) *consent.Policy {
	if p, there := n.sites.policies[site]; there {
		return p
	}
	return nil
}

// histories returns what a site does with rows once what they rest on is withdrawn.
func (n *node) histories(site event.SiteID) reach.Histories {
	h := reach.Histories{Withdrawn: map[event.PurposeID]string{}}
	for i := range n.config.Sites {
		s := &n.config.Sites[i]
		if event.SiteID(s.ID) != site {
			continue
		}
		h.ProfilingOff = s.History()
		for j := range s.Purposes {
			h.Withdrawn[event.PurposeID(s.Purposes[j].ID)] = s.Purposes[j].Withdrawn()
		}
	}
	return h
}

// noting notes what browsers withdraw; what follows it is made after the gateway.
type noting struct{ *node }

// Note notes it.
func (n noting) Note(ctx context.Context, site event.SiteID, visitor event.Handle, purposes []event.PurposeID, sealed []byte) error {
	return n.reach.Note(ctx, site, visitor, purposes, sealed)
}

// forgetting tells of new pseudonyms: who is hidden has others, under which rows are
// about to be rewritten.
type forgetting struct{ *node }

// Forget tells the cached consent set, and lets the table of who is hidden be filled
// anew.
func (n forgetting) Forget(version event.KeyVersion) {
	n.subjects.Forget(version)
	n.effects.Hider().Wake()
}
