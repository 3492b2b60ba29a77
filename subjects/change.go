package subjects

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// SetProfiling switches all purposes of kind profiling off for one person and
// the visitors linked to them, or lifts that. When it has returned, no event is
// accepted on what was known before.
func (s *Set) SetProfiling(ctx context.Context, site event.SiteID, handle event.Handle, enabled bool, actor, reason string) (event.Sequence, error) {
	if _, err := s.policy(site); err != nil {
		return 0, err
	}
	state := ledger.StateProfilingOff
	if enabled {
		state = ledger.StateProfilingOn
	}
	return s.change(ctx, ledger.Entry{
		Site: site, Subject: handle, State: state, Type: ledger.EventExplicit,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: time.Now().UTC(),
	})
}

// SetConsent grants or withdraws one purpose on a person's behalf; of a purpose that
// needs no consent that is an objection. It is a withdrawal also where no grant is on
// record: events may have brought one, and what rests on it is to be reached.
func (s *Set) SetConsent(ctx context.Context, site event.SiteID, handle event.Handle, purpose event.PurposeID, grant bool, actor, channel, reason string) (event.Sequence, error) {
	policy, err := s.policy(site)
	if err != nil {
		return 0, err
	}
	e, err := choose(policy, purpose, grant)
	if err != nil {
		return 0, err
	}
	if e.State == ledger.StateRefused {
		e.State = ledger.StateWithdrawn
	}
	e.Subject, e.Actor, e.Channel, e.Reason = handle, actor, channel, reason
	return s.change(ctx, e)
}

// ChoiceMeta says how choices were made.
type ChoiceMeta struct {
	// Version of the policy that was shown; zero: the one in force. A grant about
	// another version is refused with ErrVersion.
	Version         uint32
	Locale, Surface string
	Channel         string // empty: ledger.ChannelDialogue
	GPC, DNT        bool   // browser signals present at that moment
	// ADPC are the purposes that ADPC withdrew or objected to at that moment.
	ADPC      []event.PurposeID
	RawSignal string
	Key       string // makes the writing idempotent
	// Contact proved to be the one who chose: the same is written for it, in the
	// same transaction. Zero: nobody did.
	Contact event.Handle
}

// SetChoices writes a person's own choices, all in one transaction. They are
// for the consent handle of the visitor of a signed cookie, which is zero where
// the contact alone is known.
func (s *Set) SetChoices(ctx context.Context, site event.SiteID, visitor event.Handle, choices map[event.PurposeID]bool, meta ChoiceMeta) (event.Sequence, error) {
	policy, err := s.policy(site)
	if err != nil {
		return 0, err
	}
	if meta.Channel == "" {
		meta.Channel = ledger.ChannelDialogue
	}
	entries := make([]ledger.Entry, 0, len(choices))
	for _, purpose := range slices.Sorted(maps.Keys(choices)) {
		if choices[purpose] && meta.Version != 0 && meta.Version != policy.Version {
			return 0, ErrVersion
		}
		e, err := choose(policy, purpose, choices[purpose])
		if errors.Is(err, ErrContract) {
			continue // whoever refuses all means what they were asked about
		}
		if err != nil {
			return 0, err
		}
		e.Channel, e.Locale, e.Surface = meta.Channel, meta.Locale, meta.Surface
		e.GPC, e.DNT, e.ADPC, e.RawSignal = meta.GPC, meta.DNT, slices.Contains(meta.ADPC, purpose), meta.RawSignal
		entries = append(entries, meta.speakers(e, visitor)...)
	}
	return s.change(ctx, entries...)
}

// speakers returns the entry of a choice, once for each whose choice it is.
func (m *ChoiceMeta) speakers(e ledger.Entry, visitor event.Handle) (all []ledger.Entry) {
	if !m.Contact.IsZero() {
		c := e
		c.Subject, c.Proof = m.Contact, ledger.ProofIdentity
		if m.Key != "" {
			c.Key = m.Key + "\x00" + string(e.Purpose) + "\x00contact"
		}
		all = append(all, c)
	}
	if !visitor.IsZero() || m.Contact.IsZero() {
		e.Subject = visitor
		if m.Key != "" {
			e.Key = m.Key + "\x00" + string(e.Purpose)
		}
		all = append(all, e)
	}
	return all
}

// choose begins the entry of one choice.
func choose(policy *consent.Policy, purpose event.PurposeID, grant bool) (ledger.Entry, error) {
	i := policy.Find(purpose)
	if i < 0 {
		return ledger.Entry{}, ErrPurpose
	}
	p := &policy.Purposes[i]
	if p.Basis == consent.BasisContract {
		return ledger.Entry{}, ErrContract
	}
	state := ledger.StateGiven
	switch {
	case grant:
	case p.Basis == consent.BasisConsent:
		state = ledger.StateRefused
	default:
		state = ledger.StateObjected
	}
	return ledger.Entry{
		Site: policy.Site, Purpose: purpose, PurposeVersion: p.Version, TextHash: p.TextHash,
		State: state, Type: ledger.EventExplicit, At: time.Now().UTC(),
	}, nil
}

// change writes durably, then raises the fence, then returns.
func (s *Set) change(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	began := time.Now()
	under := s.horizon.begin()
	c, err := s.deps.Store.Append(ctx, entries...)
	s.raise(&c) // also with an error: what may have been written must be read again
	reached := c.Sequence
	if err != nil {
		reached = 0 // if it was not written after all, another change gets its sequence
	}
	s.horizon.end(under, reached)
	if errors.Is(err, ledger.ErrEntry) {
		return 0, err
	}
	s.outage.tell(err, s.hearing.now())
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	s.metrics.enforced.Observe(time.Since(began).Seconds())
	return c.Sequence, nil
}

// raise makes what was loaded before a change stale.
func (s *Set) raise(c *control.Change) {
	now := time.Now()
	if c.Everyone {
		s.fence.raiseAll(c.Sequence)
	}
	for _, h := range c.Affected {
		s.fence.raise(h, c.Sequence, now)
	}
}

// Record returns what is held about a person now, past the cache.
func (s *Set) Record(ctx context.Context, site event.SiteID, handle event.Handle) (consent.Record, error) {
	policy, err := s.policy(site)
	if err != nil {
		return consent.Record{}, err
	}
	lookup, found := [1]control.Lookup{{Policy: policy, Handle: handle}}, [1]control.Found{}
	if _, err := s.deps.Store.Records(ctx, lookup[:], found[:]); err != nil {
		return consent.Record{}, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	return found[0].Record, nil
}
