package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"zgoda/collector"
	"zgoda/consent/cookie"
	"zgoda/control"
	"zgoda/event"
	"zgoda/export"
	"zgoda/pseudonym"
	"zgoda/rights"
	"zgoda/rights/own"
	"zgoda/subjects"
)

// ownRights makes what takes the requests that visitors make by themselves.
func (n *node) ownRights(jar *cookie.Jar, blinder *pseudonym.Blinder) (*own.Desk, error) {
	return own.New(own.Deps{
		Site: n.ownSite, Visitor: jar.OpenVisitor, Logger: n.log, Results: n.ownResults, ByMail: n.ownByMail(),
		Linked: func(ctx context.Context, site event.SiteID, id [16]byte, now time.Time) (bool, error) {
			return n.linked(ctx, blinder, site, id, now)
		},
		Open: func(ctx context.Context, o rights.Opening) (control.Request, error) { return n.requests.Open(ctx, o) },
	})
}

// ownSite finds the site of a public key.
func (n *node) ownSite(key []byte, loopback bool) (own.Site, bool) {
	site, class := n.sites.collected.ByKey(key)
	if site == nil || class == collector.KeySecret || class == collector.KeyUnknown || class == collector.KeyLoopback && !loopback {
		return own.Site{}, false
	}
	return own.Site{ID: site.ID, Listed: site.OriginListed}, true
}

// linked says whether a visitor is a contact's too.
func (n *node) linked(ctx context.Context, blinder *pseudonym.Blinder, site event.SiteID, id [16]byte, now time.Time) (bool, error) {
	h1, err := blinder.Blind(site, event.KindVisitor, id[:])
	if err != nil {
		return false, fmt.Errorf("blind the visitor: %w", err)
	}
	ids, out := [1]subjects.Identity{{H1: h1, Kind: event.KindVisitor}}, [1]subjects.Entry{}
	if err := n.subjects.Load(ctx, site, now, ids[:], out[:]); err != nil {
		return false, fmt.Errorf("load the visitor: %w", err)
	}
	return len(out[0].Contacts()) > 0, nil
}

// ownResults gathers what is held of a visitor.
func (n *node) ownResults(ctx context.Context, r control.Request) (func(io.Writer) error, error) {
	prepared, err := n.exports.Prepare(ctx, r, nil)
	if err != nil {
		return nil, fmt.Errorf("gather what is held: %w", err)
	}
	return func(to io.Writer) error { return n.exports.Hand(ctx, r, prepared, export.JSON, r.Actor, to) }, nil
}
