package main

import (
	"context"
	"errors"
	"fmt"

	"zgoda/confirm"
	"zgoda/console"
	"zgoda/control"
	"zgoda/event"
	"zgoda/gateway"
	"zgoda/mail"
	"zgoda/pseudonym"
	"zgoda/pseudonym/blind"
	"zgoda/rights"
	"zgoda/rights/own"
)

// makeProofs makes what proves by a mailed link who makes a request.
func (n *node) makeProofs(cfg confirm.Config, sender *mail.Sender, key []byte) (err error) {
	n.proofs, err = confirm.NewProofs(cfg, confirm.ProofDeps{
		Requests: provenRequests{n}, Links: n.control, Mail: sender, Sites: n.sites.confirmed, Key: key, Logger: n.log, Registerer: n.registry,
		Find: func(ctx context.Context, site event.SiteID, address string) (event.Handle, bool, error) {
			return n.people.Find(ctx, site, event.KindEmail, address)
		},
		Normal: func(address string) (string, error) {
			normal, err := blind.Normalise(event.KindEmail, []byte(address))
			return string(normal), err
		},
	})
	return err
}

// runProofs sends links until ctx ends, where there is a mail server.
func (n *node) runProofs(ctx context.Context) error {
	if n.proofs == nil {
		return nil
	}
	return n.proofs.Run(ctx)
}

// proofPages and proofMails are nothing without a mail server: an interface that holds a
// nil pointer would be something.
func (n *node) proofPages() gateway.Confirmations {
	if n.proofs == nil {
		return nil
	}
	return n.proofs
}

func (n *node) proofMails() console.Proofs {
	if n.proofs == nil {
		return nil
	}
	return n.proofs
}

// ownByMail takes the requests that people make on a page with a mail address.
func (n *node) ownByMail() func(site event.SiteID, right control.Right, address, locale string) error {
	if n.proofs == nil {
		return nil
	}
	return func(site event.SiteID, right control.Right, address, locale string) error {
		err := n.proofs.Ask(site, right, address, locale)
		switch {
		case errors.Is(err, confirm.ErrNoAddressee):
			return own.ErrAddress
		case errors.Is(err, confirm.ErrBusy):
			return own.ErrBusy
		}
		return err
	}
}

// provenRequests are the requests of data subjects, as links see them.
type provenRequests struct{ n *node }

const byMailReason = "asked for on a page of the site, with a mail address"

// Open opens a request of which it is not proven who asks, or finds the one that is open.
func (p provenRequests) Open(ctx context.Context, site event.SiteID, right control.Right, address string) (control.Request, bool, error) {
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: rights.ByMail, Reason: byMailReason})
	r, err := p.n.requests.Open(ctx, rights.Opening{
		Site: site, Right: right, Who: rights.Who{Kind: event.KindEmail, Value: address}, Origin: "self", Actor: rights.ByMail, Reason: byMailReason,
		Known: true, Once: true,
	})
	switch {
	case errors.Is(err, rights.ErrNobody):
		return r, false, nil
	case errors.Is(err, control.ErrOpen):
		return r, true, nil
	}
	return r, err == nil, err
}

// Request returns a request.
func (p provenRequests) Request(ctx context.Context, id control.RequestID) (control.Request, bool, error) {
	return p.n.control.Request(ctx, id)
}

// Prove lets a request go on.
func (p provenRequests) Prove(ctx context.Context, id control.RequestID) error {
	const followed = "the link that was mailed to a known address was followed"
	ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: rights.ByMail, Reason: followed})
	_, err := p.n.requests.Act(ctx, id, rights.Act{Name: "prove", Proof: rights.ProofMail, Actor: rights.ByMail, Note: followed})
	if errors.Is(err, rights.ErrTransition) || errors.Is(err, rights.ErrRequest) {
		return confirm.ErrNotWaiting
	}
	return err
}

// Kept returns the mail address of whom a request is about that was seen last.
func (p provenRequests) Kept(ctx context.Context, id control.RequestID) (address string, err error) {
	if pseudonym.ActOf(ctx).Actor == "" {
		ctx = pseudonym.WithAct(ctx, pseudonym.Act{Actor: "zgoda", Reason: "a link that proves who asks is mailed"})
	}
	data, err := p.n.rights.CaseIdentifiers(ctx, id, []event.IdentifierKind{event.KindEmail}, "identity")
	if err != nil {
		return "", fmt.Errorf("ask for a mail address: %w", err)
	}
	newest := -1
	for i := range data {
		if data[i].Kind == event.KindEmail && (newest < 0 || data[i].Seen.After(data[newest].Seen)) {
			newest = i
		}
	}
	if newest < 0 {
		return "", nil
	}
	return data[newest].Value, nil
}
