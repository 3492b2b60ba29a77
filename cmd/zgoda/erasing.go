package main

import (
	"context"
	"fmt"

	"zgoda/activity"
	"zgoda/certificate"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/notice"
	"zgoda/rights/erasing"
	personal "zgoda/stores"
)

// makeNotices makes what tells recipients that a right was used (GDPR Art. 19).
func (n *node) makeNotices() error {
	secrets, err := n.config.Rights.Secrets()
	if err != nil {
		return err
	}
	cfg := notice.DefaultSettings()
	for i := range n.config.Rights.Recipients {
		r := &n.config.Rights.Recipients[i]
		to := notice.Recipient{Name: r.Name, URL: r.URL, Secret: notice.Secret(secrets[r.Name].Reveal()), Rights: rightsOf(r.Rights)}
		for _, kind := range r.Identifiers {
			k, _, err := event.ParseIdentifier(kind + ":x")
			if err != nil {
				return fmt.Errorf("rights.recipients[%d].identifiers: %w", i, err)
			}
			to.Kinds = append(to.Kinds, k)
		}
		for _, p := range r.Purposes {
			to.Purposes = append(to.Purposes, event.PurposeID(p))
		}
		cfg.Recipients = append(cfg.Recipients, to)
	}
	n.notices, err = notice.New(cfg, notice.Deps{
		Store: n.control, Keys: n.rights, Client: notice.NewClient(notice.Config{Hosts: noticeHosts(&n.config.Rights)}), HasPurpose: n.hasPurpose,
		Settled: n.settled, Logger: n.log, Registerer: n.registry,
	})
	return err
}

// settled looks again at a request that waited for recipients.
func (n *node) settled(ctx context.Context, id control.RequestID) error {
	if err := n.eraser.Settled(ctx, id); err != nil {
		return err
	}
	return n.requests.Settle(ctx, id)
}

func (n *node) hasPurpose(site event.SiteID, purpose event.PurposeID) bool {
	p, there := n.sites.policies[site]
	return there && p.Find(purpose) >= 0
}

// makeEraser makes what carries erasures out, and what drains this node for them.
func (n *node) makeEraser() (err error) {
	cfg := erasing.DefaultConfig()
	cfg.Gather, cfg.Batch = n.config.Rights.GatherTime(), n.config.Rights.BatchSize()
	n.eraser, err = erasing.New(cfg, erasing.Deps{
		Node: n.name, Alone: !n.control.Shared(), Store: n.control, Subjects: n.subjects, Keys: n.rights, Hider: n.servers, Table: erasingTable{n.servers},
		Journal: n.erasures, Accepted: n.accepted, Notices: n.notices, Signer: certificate.Key(n.ledgerKey), Horizons: personal.Horizons{Backups: n.config.Rights.BackupsKept()},
		Fail: n.requests.Fail, Waits: n.requests.Waits, Sites: n.siteIDs, Rests: n.rests, More: n.reach, Logger: n.log, Registerer: n.registry,
	})
	if err != nil {
		return err
	}
	n.requests.Use(control.RightErasure, n.eraser)
	n.drain, err = erasing.NewNode(cfg.Poll, erasing.NodeDeps{
		Store: n.control, AsOf: n.subjects.AsOf, Passed: n.passed, Said: n.eraseSaid, Erase: n.writer.EraseWaiting, Stored: n.stored, Logger: n.log,
	})
	return err
}

func (n *node) siteIDs() (ids []event.SiteID) {
	for id := range n.sites.policies {
		ids = append(ids, id)
	}
	return ids
}

// rests returns the purposes that rows of each scope rest on.
func (n *node) rests(site event.SiteID) (sets [event.ScopePerson + 1]event.PurposeSet) {
	policy, there := n.sites.policies[site]
	if !there {
		return sets
	}
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		switch p.Kind {
		case consent.KindMeasurement, consent.KindAnalytics, consent.KindProfiling:
			sets[p.Kind.Scope()] = sets[p.Kind.Scope()].With(p.Bit)
		default: // no row is stored on it alone
		}
	}
	return sets
}

// erasingTable is ClickHouse as erasures see it.
type erasingTable struct{ *activity.Servers }

// Begin begins to take rows away.
func (t erasingTable) Begin(ctx context.Context) (erasing.Rows, error) {
	rows, err := t.Erasing(ctx)
	if err != nil {
		return nil, fmt.Errorf("begin to take rows away: %w", err)
	}
	return rows, nil
}
