package main

import (
	"context"
	"fmt"
	"path/filepath"

	"zgoda/config"
	"zgoda/consent"
	"zgoda/retention"
)

// makeRetention makes what keeps nothing longer than the settings say.
func (n *node) makeRetention() (err error) {
	cfg := retention.DefaultConfig()
	if cfg.Idle, err = config.ParseRetention(n.config.Retention.ContactAfterLastSeen); err != nil {
		return err
	}
	deps := retention.Deps{
		Store: n.control, Rows: n.servers, Keys: n.rights, Requests: n.requests, Counts: n.control, Aside: n.aside, Replicas: n.servers.Look, Sites: n.keeping(), Logger: n.log, Registerer: n.registry,
	}
	if n.control.Shared() {
		deps.Lead = (&leading{store: n.control, lease: "retention"}).lead
	}
	n.retention, err = retention.New(cfg, deps)
	return err
}

// runRetention runs it once ClickHouse has its tables.
func (n *node) runRetention(ctx context.Context) error {
	select {
	case <-n.gate.Shown():
		return n.retention.Run(ctx)
	case <-ctx.Done():
		return nil
	}
}

// aside says which files hold what nobody can tell whose it is.
func (n *node) aside() (list []string) {
	for _, pattern := range []string{"journal/undecided/*", "journal/unkept/*", "journal/quarantine/*.damaged", "spool/*.damaged", "later/*.damaged", "said/*.damaged"} {
		found, err := filepath.Glob(filepath.Join(n.config.Data, filepath.FromSlash(pattern)))
		if err == nil && len(found) > 0 {
			list = append(list, fmt.Sprintf("%s: %d files hold what nobody can tell whose it is; remove them", pattern, len(found)))
		}
	}
	return list
}

// keeping are the sites with how long rows are kept for which purpose.
func (n *node) keeping() (sites []retention.Site) {
	for _, id := range n.siteIDs() {
		s := retention.Site{ID: id}
		policy := n.sites.policies[id]
		for i := range policy.Purposes {
			p := &policy.Purposes[i]
			keeps := retention.Purpose{ID: p.ID, Bit: p.Bit, Scope: p.Kind.Scope(), Retention: p.Retention}
			s.Noted = append(s.Noted, keeps)
			switch p.Kind {
			case consent.KindMeasurement, consent.KindAnalytics, consent.KindProfiling:
				s.Purposes = append(s.Purposes, keeps)
			default: // no row is stored on it alone
			}
		}
		sites = append(sites, s)
	}
	return sites
}
