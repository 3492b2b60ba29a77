package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/config"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/receipt"
)

// receipts writes consent records and receipts for the console.
type receipts struct {
	sites map[event.SiteID]*receipt.Site
	texts textStore
}

// textStore has every text that people were ever shown.
type textStore interface {
	Texts(ctx context.Context, site event.SiteID) ([]control.Text, error)
}

func newReceipts(configs []config.SiteConfig, policies map[event.SiteID]*consent.Policy, texts textStore) receipts {
	r := receipts{sites: map[event.SiteID]*receipt.Site{}, texts: texts}
	for i := range configs {
		c := &configs[i]
		id := event.SiteID(c.ID)
		if policy := policies[id]; policy != nil {
			r.sites[id] = receiptSite(c, policy)
		}
	}
	return r
}

func receiptSite(c *config.SiteConfig, policy *consent.Policy) *receipt.Site {
	s := &receipt.Site{ID: event.SiteID(c.ID), Controller: receipt.Controller{
		Name: c.Controller.Name, Address: c.Controller.Address, Establishment: c.Controller.Establishment,
		Email: c.Controller.Email, Phone: c.Controller.Phone, PolicyURL: c.Controller.PolicyURL,
	}}
	for i := range c.Purposes {
		p := &c.Purposes[i]
		at := policy.Find(event.PurposeID(p.ID))
		if at < 0 {
			continue
		}
		q := &policy.Purposes[at]
		s.Purposes = append(s.Purposes, receipt.Purpose{
			ID: q.ID, Kind: p.Kind, Basis: p.Basis, Version: q.Version, Text: p.Text, TextHash: q.TextHash,
			Retention: period(q.Retention), DPV: p.DPV, Data: p.Data, Locations: p.StorageLocations,
			Recipients: p.Recipients, Special: p.Special,
		})
	}
	return s
}

// period writes a retention as ISO 8601 does.
func period(r consent.Retention) string {
	if r.Days > 0 {
		return fmt.Sprintf("P%dD", r.Days)
	}
	return fmt.Sprintf("P%dM", r.Months)
}

// Document writes one. The words that old entries are about are read from the
// store, which has those of other nodes too.
func (r receipts) Document(ctx context.Context, format string, site event.SiteID, handle event.Handle, name string, entries []ledger.Entry) ([]byte, error) {
	known := r.sites[site]
	if known == nil {
		return nil, errors.New("there is no such site")
	}
	texts, err := r.texts.Texts(ctx, site)
	if err != nil {
		return nil, err
	}
	whole := *known
	whole.Kept = make(map[[32]byte]map[string]string, len(texts))
	for i := range texts {
		whole.Kept[texts[i].Hash()] = texts[i].Words
	}
	s, who := &whole, receipt.Subject{Handle: handle, Name: name}
	switch format {
	case "receipt":
		return receipt.Receipt(s, who, entries, time.Now())
	case "kantara":
		return receipt.Kantara(s, who, entries)
	default:
		return receipt.Record(s, who, entries)
	}
}
