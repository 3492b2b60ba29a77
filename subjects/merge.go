package subjects

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// ErrStanding is returned for a merge of a contact that is restricted or erased:
// what is on record about it may not be changed, or is to be gone.
var ErrStanding = errors.New("a contact that is restricted or erased is not merged")

// Tie makes two contacts that are about to be merged refuse for each other, and
// keep for whoever drop is in conflict with: a refusal of any of them denies from
// now on. It returns what drop had agreed to and keep has not: grants are not
// carried over, since the person gave them elsewhere.
func (s *Set) Tie(ctx context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) (grants []event.PurposeID, err error) {
	policy, err := s.policy(site)
	if err != nil {
		return nil, err
	}
	lookups := []control.Lookup{{Policy: policy, Handle: keep}, {Policy: policy, Handle: drop}}
	found := make([]control.Found, len(lookups))
	if _, err := s.deps.Store.Records(ctx, lookups, found); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrControlAway, err)
	}
	for i := range found {
		if found[i].Record.State != consent.StateActive {
			return nil, ErrStanding
		}
	}
	entries := []ledger.Entry{conflict(site, keep, drop, actor, reason)}
	for _, other := range found[1].Contacts {
		if other != keep {
			entries = append(entries, conflict(site, keep, other, actor, reason))
		}
	}
	if _, err := s.change(ctx, entries...); err != nil {
		return nil, err
	}
	for _, p := range policy.Purposes {
		bit := p.Bit % event.MaxPurposes
		if found[1].Record.Purposes[bit].Choice == consent.ChoiceGiven && found[0].Record.Purposes[bit].Choice == consent.ChoiceUnset {
			grants = append(grants, p.ID)
		}
	}
	return grants, nil
}

// Merged says that drop's identifiers lead to keep now. When it has returned, no
// event is accepted under drop's pseudonyms on what this node had in memory.
func (s *Set) Merged(ctx context.Context, site event.SiteID, keep, drop event.Handle, actor, reason string) (event.Sequence, error) {
	e := conflict(site, keep, drop, actor, reason)
	var nonce [16]byte
	_, _ = rand.Read(nonce[:])                                      // never fails
	e.Key = "merged:" + base32.StdEncoding.EncodeToString(nonce[:]) // so that it is written although the two are tied
	return s.change(ctx, e)
}

func conflict(site event.SiteID, keep, other event.Handle, actor, reason string) ledger.Entry {
	return ledger.Entry{
		Site: site, Subject: keep, Linked: other, State: ledger.StateConflict, Type: ledger.EventImplied,
		Channel: ledger.ChannelOperator, Actor: actor, Reason: reason, At: time.Now().UTC(),
	}
}
