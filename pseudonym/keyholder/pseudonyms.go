package keyholder

import (
	"context"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

// maxList is how many pseudonyms one List may name.
const maxList = 64

// List tells all pseudonyms of the contacts that pseudonyms belong to. Since none
// is kept anywhere but those of merged contacts, it computes those of every contact,
// and one list at a time.
func (r *rights) List(ctx context.Context, request *keyholderpb.ListRequest) (*keyholderpb.ListAnswer, error) {
	wanted, err := readHandles(request.GetHandles())
	if err != nil {
		return nil, err
	}
	all, err := r.periods(ctx)
	if err != nil {
		return nil, err
	}
	access.TallyOf(ctx).Rows = len(wanted)
	answer := &keyholderpb.ListAnswer{}
	found, err := r.cases.Owners(ctx, all, wanted)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	for _, f := range found {
		pseudonyms, err := r.pseudonyms(ctx, all, f.ID)
		if err != nil {
			return nil, r.refused(ctx, err)
		}
		ref := r.persons.refs.of(f.ID)
		answer.Contact = append(answer.Contact, &keyholderpb.Listed{Handle: f.Handle[:], Ref: ref[:], Pseudonym: pseudonyms})
	}
	return answer, nil
}

func readHandles(b []byte) (map[event.Handle]bool, error) {
	const size = len(event.Handle{})
	if len(b) == 0 || len(b)%size != 0 || len(b) > maxList*size {
		return nil, errTooMany
	}
	wanted := make(map[event.Handle]bool, len(b)/size)
	for ; len(b) > 0; b = b[size:] {
		wanted[event.Handle(b[:size])] = true
	}
	return wanted, nil
}

// periods are the keys of all periods that are kept.
func (r *rights) periods(ctx context.Context) (*keyring.All, error) {
	all, err := r.service.ring.All(ctx)
	if err != nil {
		r.service.log.Error("keys of all periods", "error", err)
		return nil, errNoKeys
	}
	return all, nil
}

// pseudonyms returns every pseudonym of a contact: its own, those of visitors that
// it was, and those of contacts that were merged into it.
func (r *rights) pseudonyms(ctx context.Context, all *keyring.All, id vault.ContactID) ([]*keyholderpb.Pseudonym, error) {
	own, err := r.own(ctx, all, id)
	if err != nil {
		return nil, err
	}
	var list []*keyholderpb.Pseudonym
	for _, n := range own {
		list = append(list, wire(n, false))
	}
	visitors, err := r.visitors(ctx, id)
	if err != nil {
		return nil, err
	}
	for _, h1 := range visitors {
		all.Visitor(h1, func(n keyring.Named) { list = append(list, wire(n, true)) })
	}
	past, err := r.persons.people.Past(ctx, id)
	for _, p := range past {
		list = append(list, wire(keyring.Named{Handle: p.Handle, Purpose: p.Purpose.String(), Period: p.Period, Version: p.Version}, p.Visitor))
	}
	return list, err
}

func wire(n keyring.Named, visitor bool) *keyholderpb.Pseudonym {
	return &keyholderpb.Pseudonym{Handle: n.Handle[:], Purpose: n.Purpose, Period: uint32(n.Period), Version: uint32(n.Version), Visitor: visitor}
}

// own returns the pseudonyms that come from a contact's salt.
func (r *rights) own(ctx context.Context, all *keyring.All, id vault.ContactID) (list []keyring.Named, err error) {
	salt, err := r.persons.vault.Salt(ctx, id)
	if err != nil {
		return nil, err
	}
	defer clear(salt[:])
	all.Contact(salt, func(n keyring.Named) bool { list = append(list, n); return true })
	return list, nil
}

func (r *rights) visitors(ctx context.Context, id vault.ContactID) ([]event.Blinded, error) {
	indexes, err := r.persons.vault.Identifiers(ctx, id)
	if err != nil || len(indexes) == 0 {
		return nil, err
	}
	return r.persons.vault.Visitors(ctx, indexes[0])
}

// Merge makes one contact of two that turned out to be one person.
func (r *rights) Merge(ctx context.Context, request *keyholderpb.MergeRequest) (*keyholderpb.MergeAnswer, error) {
	drop, err := r.contact(ctx, request.GetDrop())
	if err != nil {
		return nil, err
	}
	keep, err := r.contact(ctx, request.GetKeep())
	if err != nil {
		return nil, err
	}
	access.TallyOf(ctx).Rows = 2
	if err := r.persons.vault.Mergeable(ctx, keep, drop); err != nil { // of a preview too: callers do much after it
		return nil, r.refused(ctx, err)
	}
	all, err := r.periods(ctx)
	if err != nil {
		return nil, err
	}
	answer := &keyholderpb.MergeAnswer{}
	if answer.Kept, err = r.pseudonyms(ctx, all, keep); err != nil {
		return nil, r.refused(ctx, err)
	}
	if answer.Dropped, err = r.pseudonyms(ctx, all, drop); err != nil {
		return nil, r.refused(ctx, err)
	}
	if request.GetPreview() {
		return answer, nil
	}
	own, err := r.own(ctx, all, drop)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	if err := r.persons.people.Merge(ctx, keep, drop, pastOf(own)); err != nil {
		return nil, r.refused(ctx, err)
	}
	return answer, nil
}

var purposes = map[string]person.Purpose{
	"consent": person.PurposeConsent, "profiling": person.PurposeProfiling, "analytics": person.PurposeAnalytics,
}

func pastOf(list []keyring.Named) []person.Past {
	past := make([]person.Past, len(list))
	for i, n := range list {
		past[i] = person.Past{Handle: n.Handle, Purpose: purposes[n.Purpose], Period: n.Period, Version: n.Version}
	}
	return past
}

// Forget destroys everything that is kept of a contact.
func (r *rights) Forget(ctx context.Context, request *keyholderpb.ForgetRequest) (*keyholderpb.ForgetAnswer, error) {
	id, err := r.contact(ctx, request.GetRef())
	if err != nil {
		return nil, err
	}
	all, err := r.periods(ctx)
	if err != nil {
		return nil, err
	}
	pseudonyms, err := r.pseudonyms(ctx, all, id)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	if err := r.persons.vault.Forget(ctx, id); err != nil {
		return nil, r.refused(ctx, err)
	}
	return &keyholderpb.ForgetAnswer{Forgotten: pseudonyms}, nil
}
