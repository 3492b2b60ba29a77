package keyholder

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/blind"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/vault"
)

// persons is what the role rights needs beside what gateways do.
type persons struct {
	vault  vault.Store
	people *person.People
	refs   refs
}

func (p *parts) persons(ctx context.Context, documents person.Limits, now func() time.Time) (*persons, error) {
	key, err := p.ring.Own(ctx, keyring.OwnRef)
	if err != nil {
		return nil, err
	}
	named, err := newRefs(key)
	if err != nil {
		return nil, err
	}
	return &persons{
		vault: p.vault, people: person.New(p.vault, documents, now), refs: named,
	}, nil
}

var (
	errValue    = status.Error(codes.InvalidArgument, person.ErrIdentifier.Error())
	errNoPerson = status.Error(codes.NotFound, "there is no such contact, datum or document")
	errDamaged  = status.Error(codes.DataLoss, "what is kept of the contact cannot be opened")
	errTooMany  = status.Error(codes.InvalidArgument, "a list names 1 to 64 pseudonyms of 16 bytes")
)

// ways computes the indexes of identifiers in clear, in the order in which to look
// for them: from old keys to current ones, the way that rotations move them. It is
// used up before the deriver is released.
func (r *rights) ways(d *keyring.Deriver) person.Ways { return waysOf(r.service.ring, d) }

func waysOf(ring *keyring.Ring, d *keyring.Deriver) person.Ways {
	return func(site event.SiteID, kind event.IdentifierKind, value string) ([]person.Way, error) {
		gate := ring.Gateway().Gate // now: a version that just came into use must not be left out
		var ways []person.Way
		for i := range gate {
			g := gate[len(gate)-1-i] // the oldest first
			blinder := blind.NewBlinder(blind.GateKeys{{Version: g.Version, Key: g.Key}})
			h1, err := blinder.Blind(site, kind, []byte(value))
			if err != nil {
				return nil, err
			}
			made := vault.Made{Link: d.Links(), Gate: g.Version}
			current, old, carrying := d.Indexes(h1)
			if carrying {
				ways = append(ways, person.Way{Index: old, Made: made, Old: true})
			}
			ways = append(ways, person.Way{Index: current, Made: made})
		}
		return ways, nil
	}
}

// contact reads a reference, and names the contact in the log by it.
func (r *rights) contact(ctx context.Context, ref []byte) (vault.ContactID, error) {
	id, ok := r.persons.refs.read(ref)
	if !ok {
		return 0, errNoPerson
	}
	tally := access.TallyOf(ctx)
	tally.Rows, tally.Key = 1, "contact "+hex.EncodeToString(ref)
	return id, nil
}

// refused gives an error the form that callers tell apart. No content is in it.
func (r *rights) refused(ctx context.Context, err error) error {
	for _, own := range []struct {
		err  error
		code codes.Code
	}{
		{person.ErrDatum, codes.InvalidArgument},
		{person.ErrIdentifier, codes.InvalidArgument},
		{person.ErrSite, codes.InvalidArgument},
		{person.ErrKind, codes.InvalidArgument},
		{person.ErrDocument, codes.InvalidArgument},
		{person.ErrEmpty, codes.InvalidArgument},
		{person.ErrCut, codes.InvalidArgument},
		{person.ErrTooLarge, codes.InvalidArgument},
		{vault.ErrSame, codes.InvalidArgument},
		{cases.ErrWho, codes.InvalidArgument},
		{cases.ErrOrder, codes.InvalidArgument},
		{cases.ErrEntry, codes.InvalidArgument},
		{keyring.ErrJournalUntil, codes.InvalidArgument},
		{vault.ErrCase, codes.Aborted},
		{person.ErrTaken, codes.FailedPrecondition},
		{person.ErrLast, codes.FailedPrecondition},
		{person.ErrFull, codes.FailedPrecondition},
		{person.ErrIncomplete, codes.FailedPrecondition},
		{person.ErrChanged, codes.Aborted},
	} {
		if errors.Is(err, own.err) {
			return status.Error(own.code, own.err.Error())
		}
	}
	switch {
	case errors.Is(err, person.ErrNoDatum), errors.Is(err, vault.ErrUnknown):
		return errNoPerson
	case errors.Is(err, person.ErrSealed):
		r.service.log.Error("open what is kept of a contact", "error", err)
		return errDamaged
	}
	if _, ours := status.FromError(err); ours {
		return err
	}
	return r.service.vaultFailed(ctx, err)
}

// Search finds the contact of an exact identifier in clear. It never mints.
func (r *rights) Search(ctx context.Context, request *keyholderpb.SearchRequest) (*keyholderpb.SearchAnswer, error) {
	kind := event.IdentifierKind(request.GetKind())
	if kind < event.KindUserID || kind > event.KindCustomerID {
		return nil, errKind
	}
	d, err := r.service.deriver(0) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	ways, err := r.ways(d)(event.SiteID(request.GetSite()), kind, string(request.GetValue()))
	if err != nil {
		return nil, errValue
	}
	access.TallyOf(ctx).Rows = 1
	for _, way := range ways {
		id, err := r.persons.vault.Contact(ctx, way.Index)
		if errors.Is(err, vault.ErrUnknown) {
			continue
		}
		if err != nil {
			return nil, r.refused(ctx, err)
		}
		salt, err := r.persons.vault.Salt(ctx, id)
		if err != nil {
			return nil, r.refused(ctx, err)
		}
		ref := r.persons.refs.of(id)
		return &keyholderpb.SearchAnswer{Known: true, Ref: ref[:], Handles: one(d.Contact(salt, event.Period(request.GetPeriod())))}, nil
	}
	if err := r.service.quota(ctx, 1, 0); err != nil {
		return nil, err
	}
	return &keyholderpb.SearchAnswer{}, nil
}

// Reveal shows what is kept of a contact. That it may be shown was seen to before.
func (r *rights) Reveal(ctx context.Context, request *keyholderpb.RevealRequest) (*keyholderpb.RevealAnswer, error) {
	id, err := r.contact(ctx, request.GetRef())
	if err != nil {
		return nil, err
	}
	revealed, err := r.persons.people.Reveal(ctx, id)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	answer := &keyholderpb.RevealAnswer{Revision: revealed.Revision}
	for i := range revealed.Data {
		answer.Data = append(answer.Data, wireDatum(&revealed.Data[i]))
	}
	for i := range revealed.Documents {
		answer.Attachment = append(answer.Attachment, attached(&revealed.Documents[i]))
	}
	return answer, nil
}

func wireDatum(d *person.Datum) *keyholderpb.Datum {
	return &keyholderpb.Datum{
		Id: d.ID, Kind: uint32(d.Kind), Name: d.Name, Value: d.Value, Source: d.Source, Basis: d.Basis, Seen: d.Seen.UnixMilli(),
	}
}

func attached(d *person.Document) *keyholderpb.Attached {
	return &keyholderpb.Attached{
		Id: d.ID[:], Name: d.Name, Type: d.Type, Bytes: d.Bytes, Source: d.Source, Basis: d.Basis,
		Seen: d.Seen.UnixMilli(), Complete: d.Complete,
	}
}

// changing finds a contact, and the keys for its identifiers, which are to be
// released.
func (r *rights) changing(ctx context.Context, ref []byte) (vault.ContactID, *keyring.Deriver, error) {
	id, err := r.contact(ctx, ref)
	if err != nil {
		return 0, nil, err
	}
	d, err := r.service.deriver(0) //nolint:contextcheck // the keys of a period are made for all calls
	return id, d, err
}

// Put adds and corrects data of a contact.
func (r *rights) Put(ctx context.Context, request *keyholderpb.PutRequest) (*keyholderpb.PutAnswer, error) {
	id, d, err := r.changing(ctx, request.GetRef())
	if err != nil {
		return nil, err
	}
	defer d.Release()
	data := make([]person.Datum, len(request.GetData()))
	for i, wire := range request.GetData() {
		data[i] = person.Datum{
			ID: wire.GetId(), Kind: kindOf(wire.GetKind()), Name: wire.GetName(), Value: wire.GetValue(),
			Source: wire.GetSource(), Basis: wire.GetBasis(), Seen: seen(wire.GetSeen()),
		}
	}
	access.TallyOf(ctx).Rows = len(data)
	if err := r.service.guessed(ctx, data); err != nil {
		return nil, err
	}
	ids, revision, err := r.persons.people.Put(ctx, id, event.SiteID(request.GetSite()), data, request.GetRevision(), r.ways(d))
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	return &keyholderpb.PutAnswer{Id: ids, Revision: revision}, nil
}

// guessed takes an unknown contact for every identifier that is put: the answer
// tells whether it leads to somebody already.
func (s *service) guessed(ctx context.Context, data []person.Datum) error {
	n := 0
	for i := range data {
		if data[i].Kind != event.KindUnknown {
			n++
		}
	}
	who, _ := access.From(ctx)
	if err := s.policy.Quota.Take(who, n, 0); err != nil {
		access.TallyOf(ctx).Why = access.WhyQuota
		return err
	}
	return nil
}

// kindOf keeps a number that is no kind from becoming one.
func kindOf(n uint32) event.IdentifierKind {
	return event.IdentifierKind(min(n, uint32(event.KindCustomerID)+1))
}

func seen(milli int64) time.Time {
	if milli == 0 {
		return time.Time{}
	}
	return time.UnixMilli(milli)
}

// Remove takes data and documents of a contact away.
func (r *rights) Remove(ctx context.Context, request *keyholderpb.RemoveRequest) (*keyholderpb.RemoveAnswer, error) {
	id, d, err := r.changing(ctx, request.GetRef())
	if err != nil {
		return nil, err
	}
	defer d.Release()
	documents := make([][16]byte, len(request.GetAttachment()))
	for i, document := range request.GetAttachment() {
		if len(document) != len(documents[i]) {
			return nil, errNoPerson
		}
		documents[i] = [16]byte(document)
	}
	access.TallyOf(ctx).Rows = len(request.GetId()) + len(documents)
	revision, err := r.persons.people.Remove(ctx, id, request.GetId(), documents, request.GetRevision(), r.ways(d))
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	return &keyholderpb.RemoveAnswer{Revision: revision}, nil
}
