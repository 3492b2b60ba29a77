package subjects

import (
	"context"
	"fmt"
	"slices"
	"time"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

// LinkResult says where identifiers lead.
type LinkResult struct {
	Contact *Entry
	// Second is the other contact of a conflict, else nil: two known contacts are
	// never merged, and a refusal of either denies.
	Second   *Entry
	Visitor  *Entry // nil when none was given
	Conflict bool
}

// Link makes identifiers lead to one contact, making it when none is known, and
// the visitor, when given, one of that contact's. It is for callers entitled to
// it only. What is linked and cached already costs nothing.
func (s *Set) Link(ctx context.Context, site event.SiteID, now time.Time, contact []Identity, visitor *Identity) (LinkResult, error) {
	if len(contact) == 0 || (visitor != nil && visitor.Kind != event.KindVisitor) {
		return LinkResult{}, ErrIdentity
	}
	if r, ok := s.linked(site, now, contact, visitor); ok {
		s.metrics.hits.Add(float64(len(contact)))
		return r, nil
	}
	policy, err := s.policy(site)
	if err != nil {
		return LinkResult{}, err
	}
	answer, err := s.linkIdentifiers(ctx, now, contact, visitor)
	if err != nil {
		return LinkResult{}, err
	}
	if visitor != nil {
		if _, err := s.change(ctx, ledger.Entry{
			Site: policy.Site, Subject: answer.Contact.Consent, Linked: answer.Visitor.Consent, State: ledger.StateLinked,
			Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: now.UTC(),
		}); err != nil {
			return LinkResult{}, err
		}
	}
	return s.loadLinked(ctx, site, now, contact, visitor, answer)
}

// linked answers from the cache when all of it is linked.
func (s *Set) linked(site event.SiteID, now time.Time, contact []Identity, visitor *Identity) (r LinkResult, ok bool) {
	nanos := now.UnixNano()
	for i := range contact {
		id := Identity{H1: contact[i].H1, Kind: contact[i].Kind, Mint: true}
		e := s.peek(site, nanos, &id)
		if e == nil {
			return LinkResult{}, false
		}
		r.add(e)
	}
	if visitor == nil {
		return r, true
	}
	r.Visitor = s.peek(site, nanos, visitor)
	if r.Visitor == nil || !slices.Contains(r.Visitor.Contacts, r.Contact.Handles.Consent) {
		return LinkResult{}, false
	}
	return r, true
}

// add takes the entry of the next identifier: the first leads, and one that
// leads elsewhere is a conflict.
func (r *LinkResult) add(e *Entry) {
	switch {
	case r.Contact == nil:
		r.Contact = e
	case r.Second == nil && e.Handles.Consent != r.Contact.Handles.Consent:
		r.Second, r.Conflict = e, true
	}
}

func (s *Set) linkIdentifiers(ctx context.Context, now time.Time, contact []Identity, visitor *Identity) (pseudonym.LinkAnswer, error) {
	p, _, _ := period(now)
	request := pseudonym.LinkRequest{Contact: make([]pseudonym.Query, len(contact)), Period: p}
	for i := range contact {
		request.Contact[i] = pseudonym.Query{H1: contact[i].H1, Kind: contact[i].Kind, Mint: true, Period: p}
	}
	if visitor != nil {
		request.Visitor = visitor.H1
	}
	answer, err := s.deps.Resolver.Link(ctx, request)
	for i := range contact { // whatever was answered: they may lead elsewhere now
		s.fence.minted(&contact[i].H1)
	}
	if err == nil && (answer.Contact.Consent.IsZero() || (visitor != nil && answer.Visitor.Consent.IsZero())) {
		err = pseudonym.ErrAnswer
	}
	if err != nil {
		return answer, fmt.Errorf("%w: %w", ErrKeyholderAway, err)
	}
	return answer, nil
}

// loadLinked loads what the identifiers lead to now.
func (s *Set) loadLinked(ctx context.Context, site event.SiteID, now time.Time, contact []Identity, visitor *Identity, answer pseudonym.LinkAnswer) (LinkResult, error) {
	ids := make([]Identity, 0, len(contact)+1)
	for _, id := range contact {
		ids = append(ids, Identity{H1: id.H1, Kind: id.Kind, Mint: true})
	}
	if visitor != nil {
		ids = append(ids, Identity{H1: visitor.H1, Kind: event.KindVisitor})
	}
	entries := make([]*Entry, len(ids))
	if err := s.Load(ctx, site, now, ids, entries); err != nil {
		return LinkResult{}, err
	}
	var r LinkResult
	for _, e := range entries[:len(contact)] {
		r.add(e)
	}
	if visitor != nil {
		r.Visitor = entries[len(contact)]
	}
	if r.Contact.Handles.Consent != answer.Contact.Consent {
		return LinkResult{}, ErrStale
	}
	return r, nil
}
