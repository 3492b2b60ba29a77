package keyholder

import (
	"context"
	"errors"
	"slices"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/meter"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/sealed"
	"zgoda/pseudonym/vault"
)

var errSaid = status.Error(codes.InvalidArgument, "keep takes what 1 to 64 events said, each with the consent pseudonym of its contact")

// Keep writes what contacts said of themselves. It goes to the contact that the
// identifiers lead to, if that is still the one whom the gateway decided about: what
// was said of somebody who was forgotten is nobody's, also when they have come back. The
// answer is the same whoever is there; whoever is not counts as an unknown contact.
func (s *service) Keep(ctx context.Context, request *keyholderpb.KeepRequest) (*keyholderpb.KeepAnswer, error) {
	tally := access.TallyOf(ctx)
	if tally.Rows = len(request.GetSaid()); tally.Rows > keyholderpb.MaxKeep {
		tally.Why = access.WhyOversized
	}
	if tally.Rows == 0 || tally.Rows > keyholderpb.MaxKeep {
		return nil, errSaid
	}
	opener, err := s.opener()
	if err != nil {
		s.log.Error("the keys that open what was sealed", "error", err)
		return nil, errNoKeys
	}
	d, err := s.deriver(0) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	k := &keeping{service: s, deriver: d, ways: waysOf(s.ring, d), answer: &keyholderpb.KeepAnswer{Unreadable: make([]byte, tally.Rows)}}
	for i, said := range request.GetSaid() {
		if err := k.read(ctx, opener, i, said); err != nil {
			return nil, err
		}
	}
	if err := k.quota(ctx); err != nil {
		return nil, err
	}
	kept, err := s.people.people.Keep(ctx, k.said, k.ways)
	if err != nil {
		return nil, s.vaultFailed(ctx, err)
	}
	s.kept.count(&kept)
	return k.answer, nil
}

// keeping is a Keep under way.
type keeping struct {
	*service

	deriver *keyring.Deriver
	ways    person.Ways
	answer  *keyholderpb.KeepAnswer
	said    []person.Said
	unknown int
	bytes   int
}

// quota takes what the batch asks for, before anything of it is written.
func (k *keeping) quota(ctx context.Context) error {
	if err := k.service.quota(ctx, k.unknown, 0); err != nil {
		return err
	}
	who, _ := access.From(ctx)
	if err := k.policy.Quota.TakeSaid(who, k.bytes); err != nil {
		access.TallyOf(ctx).Why = access.WhyQuota
		return err
	}
	return nil
}

// read opens what one event said, and finds out of whom.
func (k *keeping) read(ctx context.Context, opener *sealed.Opener, i int, wire *keyholderpb.Said) error {
	var contact event.Handle
	if copy(contact[:], wire.GetContact()) != len(wire.GetContact()) || contact.IsZero() {
		return errSaid
	}
	said, err := opener.OpenSaid(wire.GetBlob())
	if err != nil {
		k.answer.Unreadable[i] = 1
		return nil //nolint:nilerr // the answer tells it
	}
	id, err := k.whose(ctx, &said, contact)
	if err != nil {
		return err
	}
	if id == 0 {
		k.unknown++
		return nil
	}
	one := person.Said{Contact: id}
	for _, s := range said.List {
		one.Data = append(one.Data, person.Datum{
			Kind: s.Kind, Site: said.Site, Name: s.Name, Value: s.Value, Source: said.Source, Basis: wire.GetBasis(), Seen: said.Seen,
		})
	}
	k.said, k.bytes = append(k.said, one), k.bytes+len(wire.GetBlob())
	return nil
}

// whose returns the contact that one of the identifiers leads to and that has, or had
// before a merge, the pseudonym; 0: there is none.
func (k *keeping) whose(ctx context.Context, said *sealed.Said, contact event.Handle) (vault.ContactID, error) {
	for i := range said.List {
		s := &said.List[i]
		if s.Kind == event.KindUnknown {
			continue
		}
		ways, err := k.ways(said.Site, s.Kind, s.Value)
		if err != nil {
			continue // it is none of its kind, and leads nowhere
		}
		for _, way := range ways {
			id, err := k.of(ctx, way.Index, contact)
			if id != 0 || err != nil {
				return id, err
			}
		}
	}
	return 0, nil
}

// of returns the contact behind an index, if the pseudonym is its own.
func (k *keeping) of(ctx context.Context, index keyring.Index, contact event.Handle) (vault.ContactID, error) {
	id, err := k.people.vault.Contact(ctx, index)
	if err == nil {
		var salt keyring.Salt
		if salt, err = k.people.vault.Salt(ctx, id); err == nil {
			if k.deriver.Contact(salt, 0).Consent == contact {
				return id, nil
			}
			return k.merged(ctx, id, contact)
		}
	}
	if errors.Is(err, vault.ErrUnknown) {
		return 0, nil
	}
	return 0, k.vaultFailed(ctx, err)
}

// merged returns the contact if one that was merged into it had the pseudonym.
func (k *keeping) merged(ctx context.Context, id vault.ContactID, contact event.Handle) (vault.ContactID, error) {
	past, err := k.people.people.Past(ctx, id)
	switch {
	case errors.Is(err, vault.ErrUnknown), errors.Is(err, person.ErrSealed), errors.Is(err, vault.ErrSalt):
		return 0, nil
	case err != nil:
		return 0, k.vaultFailed(ctx, err)
	case slices.ContainsFunc(past, func(p person.Past) bool {
		return p.Purpose == person.PurposeConsent && !p.Visitor && p.Handle == contact
	}):
		return id, nil
	}
	return 0, nil
}

// saidCounter counts what became of what events said.
type saidCounter struct{ counter *meter.Counter }

func newSaidCounter(set *meter.Set) saidCounter {
	c := saidCounter{set.Counter("zgoda_keyholder_said_total",
		"Identifiers and traits that contacts' events said, by fate: written, same, older, elsewhere (an identifier that does not lead to the contact), full, unfit or unreadable.", "fate")}
	for _, of := range saidFates(&person.SaidCount{}) {
		c.counter.Add(0, of.fate)
	}
	return c
}

type saidFate struct {
	fate string
	n    int
}

func saidFates(n *person.SaidCount) []saidFate {
	return []saidFate{
		{"written", n.Written},
		{"same", n.Same},
		{"older", n.Older},
		{"elsewhere", n.Elsewhere},
		{"full", n.Full},
		{"unfit", n.Unfit},
		{"unreadable", n.Unreadable},
	}
}

func (c saidCounter) count(n *person.SaidCount) {
	for _, of := range saidFates(n) {
		if of.n > 0 {
			c.counter.Add(uint64(of.n), of.fate)
		}
	}
}
