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
	Contact Entry
	// Second is the other contact of a conflict, else zero: two known contacts are
	// never merged, and from then on a refusal of either denies both.
	Second   Entry
	Visitor  Entry // zero when none was given
	Conflict bool
}

// Link makes identifiers lead to one contact, making it when none is known, and
// the visitor, when given, one of that contact's. It is for callers entitled to
// it only. What is linked and cached already costs nothing; a visitor that was
// linked to another since is linked anew, so that the ledger says whose it was when.
func (s *Set) Link(ctx context.Context, site event.SiteID, now time.Time, contact []Identity, visitor *Identity) (LinkResult, error) {
	if len(contact) == 0 || (visitor != nil && visitor.Kind != event.KindVisitor) {
		return LinkResult{}, ErrIdentity
	}
	if r, ok := s.linked(site, now, contact, visitor); ok {
		s.metrics.hits.Add(float64(len(contact)))
		return r, nil
	}
	if _, err := s.policy(site); err != nil {
		return LinkResult{}, err
	}
	answer, err := s.linkIdentifiers(ctx, now, contact, visitor)
	if err != nil {
		return LinkResult{}, err
	}
	entries, err := s.ties(ctx, site, now, contact, visitor, answer)
	if err != nil {
		return LinkResult{}, err
	}
	if len(entries) > 0 {
		if _, err := s.change(ctx, entries...); err != nil {
			return LinkResult{}, err
		}
	}
	return s.loadLinked(ctx, site, now, contact, visitor, answer)
}

// ties returns what the ledger is to know of a link: every two contacts that the
// identifiers lead to are in conflict, and the visitor is one of each. The
// keyholder names two of them at most, so in a conflict they are all looked up.
func (s *Set) ties(ctx context.Context, site event.SiteID, now time.Time, contact []Identity, visitor *Identity, answer pseudonym.LinkAnswer) ([]ledger.Entry, error) {
	contacts, theirs := []event.Handle{answer.Contact.Consent}, false
	if answer.Conflict {
		loaded, err := s.loadAll(ctx, site, now, contact, visitor)
		if err != nil {
			return nil, err
		}
		for i := range loaded[:len(contact)] {
			if c := loaded[i].Handles.Consent; !slices.Contains(contacts, c) {
				contacts = append(contacts, c)
			}
		}
		theirs = visitor != nil && lastLinked(&loaded[len(contact)], contacts)
	}
	var entries []ledger.Entry
	tie := func(state ledger.State, subject, linked event.Handle) {
		entries = append(entries, ledger.Entry{
			Site: site, Subject: subject, Linked: linked, State: state,
			Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: now.UTC(),
		})
	}
	for i, c := range contacts {
		for _, other := range contacts[i+1:] {
			tie(ledger.StateConflict, c, other)
		}
		// Of one link the control store knows whether it is the visitor's last.
		if visitor := answer.Visitor.Consent; !visitor.IsZero() && !theirs {
			tie(ledger.StateLinked, c, visitor)
		}
	}
	return entries, nil
}

// lastLinked says whether the last links of a visitor are those to the contacts.
func lastLinked(visitor *Entry, contacts []event.Handle) bool {
	known := visitor.Contacts()
	for _, c := range contacts {
		if place := slices.Index(known, c); place < 0 || place >= len(contacts) {
			return false
		}
	}
	return true
}

// minting returns the identities as those of contacts that are to be there.
func minting(contact []Identity) []Identity {
	ids := make([]Identity, 0, len(contact)+1)
	for _, id := range contact {
		id.Mint = true
		ids = append(ids, id)
	}
	return ids
}

// linked answers from the cache when all of it is linked.
func (s *Set) linked(site event.SiteID, now time.Time, contact []Identity, visitor *Identity) (r LinkResult, ok bool) {
	if !s.hearing.trusted() {
		return LinkResult{}, false
	}
	number, at := s.sites.find(site), s.calendar.momentOf(now)
	if visitor != nil && !s.peek(number, at, visitor, &r.Visitor) {
		return LinkResult{}, false
	}
	var e, before Entry
	different, oldest := 0, 0 // contacts, and the place of the link of theirs that is the oldest
	for i := range contact {
		if !s.contact(number, at, &contact[i], &e) {
			return LinkResult{}, false
		}
		again := false
		for j := range i {
			if !s.contact(number, at, &contact[j], &before) || !before.tied(&e) {
				return LinkResult{}, false
			}
			again = again || before.Handles.Consent == e.Handles.Consent
		}
		if !again {
			different++
		}
		if visitor != nil {
			place := slices.Index(r.Visitor.Contacts(), e.Handles.Consent)
			if place < 0 {
				return LinkResult{}, false
			}
			oldest = max(oldest, place)
		}
		r.add(&e)
	}
	return r, oldest < different
}

// contact copies the cached entry of a contact that is surely there.
func (s *Set) contact(site siteNumber, at moment, id *Identity, out *Entry) bool {
	there := *id
	there.Mint = true
	return s.peek(site, at, &there, out)
}

// tied says whether two contacts are one, or known to be in conflict.
func (e *Entry) tied(other *Entry) bool {
	return e.Handles.Consent == other.Handles.Consent || slices.Contains(e.Contacts(), other.Handles.Consent)
}

// add takes the entry of the next identifier: the first leads, and one that
// leads elsewhere is a conflict.
func (r *LinkResult) add(e *Entry) {
	switch {
	case r.Contact.IsZero():
		r.Contact = *e
	case !r.Conflict && e.Handles.Consent != r.Contact.Handles.Consent:
		r.Second, r.Conflict = *e, true
	}
}

func (s *Set) linkIdentifiers(ctx context.Context, now time.Time, contact []Identity, visitor *Identity) (pseudonym.LinkAnswer, error) {
	p, _, _ := period(now)
	request := pseudonym.LinkRequest{Contact: make([]pseudonym.Query, len(contact)), Period: p}
	for i := range contact {
		request.Contact[i] = contact[i].query(true, p)
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
	entries, err := s.loadAll(ctx, site, now, contact, visitor)
	if err != nil {
		return LinkResult{}, err
	}
	var r LinkResult
	for i := range contact {
		r.add(&entries[i])
	}
	if visitor != nil {
		r.Visitor = entries[len(contact)]
	}
	if r.Contact.Handles.Consent != answer.Contact.Consent {
		return LinkResult{}, ErrStale
	}
	return r, nil
}

// loadAll loads the contacts, and the visitor, when given, after them.
func (s *Set) loadAll(ctx context.Context, site event.SiteID, now time.Time, contact []Identity, visitor *Identity) ([]Entry, error) {
	ids := minting(contact)
	if visitor != nil {
		ids = append(ids, Identity{H1: visitor.H1, Kind: event.KindVisitor})
	}
	entries := make([]Entry, len(ids))
	return entries, s.Load(ctx, site, now, ids, entries)
}
