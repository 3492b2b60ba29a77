package keyholder

import (
	"context"
	"encoding/hex"
	"errors"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyholderpb"
)

// Bounds of a call.
const (
	maxCases     = 1024
	maxCaseNames = 4096 // ids, pseudonyms or entries
	maxSite      = 128  // bytes
)

// casePiece is how many pseudonyms, ids or names one message carries.
const casePiece = 4096

var (
	errCases   = status.Error(codes.InvalidArgument, "a call names 1 to 1024 cases, each once, by an id of 16 bytes")
	errNames   = status.Error(codes.InvalidArgument, "a call names 1 to 4096 ids or pseudonyms, of 16 bytes each")
	errEntries = status.Error(codes.InvalidArgument, "a call replays 1 to 4096 entries")
	errTo      = status.Error(codes.InvalidArgument, "who is told is named by 1 to 64 bytes")
	errNoCase  = status.Error(codes.NotFound, "there is no such case")
)

// requests answers those who work on requests of data subjects.
type requests struct {
	keyholderpb.UnimplementedCasesServer

	rights *rights
	cases  *cases.Cases
	ended  erasureCounter
}

// refused gives an error the form that callers tell apart.
func (r *requests) refused(ctx context.Context, err error) error {
	if errors.Is(err, cases.ErrNoCase) {
		return errNoCase
	}
	return r.rights.refused(ctx, err)
}

// OpenCases keeps whom requests are about.
func (r *requests) OpenCases(request *keyholderpb.OpenCasesRequest, to grpc.ServerStreamingServer[keyholderpb.OpenedCase]) error {
	ctx := to.Context()
	tally := access.TallyOf(ctx)
	tally.Rows = len(request.GetCase())
	if tally.Rows == 0 || tally.Rows > maxCases {
		return errCases
	}
	asked := make([]cases.Asked, 0, tally.Rows)
	for _, wire := range request.GetCase() {
		a, err := askedOf(wire)
		if err != nil {
			return err
		}
		asked = append(asked, a)
	}
	found, err := r.find(ctx, asked)
	if err != nil {
		return err
	}
	err = r.cases.Open(ctx, found, func(o cases.Opened) error {
		wire := &keyholderpb.OpenedCase{Id: o.ID[:], State: keyholderpb.CaseState(o.State)}
		if o.State == 0 {
			wire.State = keyholderpb.CaseState_CASE_UNKNOWN
		}
		return inPieces(o.Pseudonyms, func(part []*keyholderpb.CasePseudonym) error {
			wire.Pseudonym = part
			return to.Send(wire)
		})
	})
	return r.answered(ctx, err)
}

// find finds whom cases are about. Those whom nobody knows count as unknown contacts, as
// in a search.
func (r *requests) find(ctx context.Context, asked []cases.Asked) ([]cases.Found, error) {
	d, err := r.rights.service.deriver(0) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	found, err := r.cases.Find(ctx, d, asked)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	unknown := 0
	for i := range found {
		if !found[i].Known() {
			unknown++
		}
	}
	if unknown > 0 {
		err = r.rights.service.quota(ctx, unknown, 0)
	}
	return found, err
}

func askedOf(wire *keyholderpb.CaseOf) (a cases.Asked, err error) {
	if len(wire.GetId()) != 16 || len(wire.GetSite()) > maxSite {
		return a, errCases
	}
	a.ID, a.Site = [16]byte(wire.GetId()), event.SiteID(wire.GetSite())
	switch who := wire.GetWho().GetWho().(type) {
	case *keyholderpb.Who_Ref:
		a.Who.Ref = who.Ref
	case *keyholderpb.Who_Identifier:
		a.Who.Kind, a.Who.Value = kindOf(who.Identifier.GetKind()), string(who.Identifier.GetValue())
		if a.Who.Kind < event.KindVisitor || a.Who.Kind > event.KindCustomerID {
			return a, errKind
		}
	case *keyholderpb.Who_Handle:
		if len(who.Handle) != len(a.Who.Handle) {
			return a, errNames
		}
		a.Who.Handle = event.Handle(who.Handle)
	case *keyholderpb.Who_Sealed:
		a.Who.Sealed = who.Sealed
	case *keyholderpb.Who_Idle:
		a.Who.Idle = who.Idle
	}
	return a, nil
}

// answered is the end of a call that answers in parts.
func (r *requests) answered(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return status.FromContextError(ctx.Err()).Err()
	}
	return r.refused(ctx, err)
}

// inPieces sends pseudonyms in messages of some thousands; where there are none, one.
func inPieces(list []cases.Pseudonym, send func([]*keyholderpb.CasePseudonym) error) error {
	for {
		n := min(len(list), casePiece)
		part := make([]*keyholderpb.CasePseudonym, n)
		for i := range part {
			p := &list[i]
			part[i] = &keyholderpb.CasePseudonym{
				Handle: p.Handle[:], Purpose: p.Purpose, Period: uint32(p.Period), Version: uint32(p.Version), Visitor: p.Visitor,
			}
		}
		if err := send(part); err != nil {
			return err
		}
		if list = list[n:]; len(list) == 0 {
			return nil
		}
	}
}

// idsOf reads a column of ids.
func idsOf(column []byte, most int) ([][16]byte, bool) {
	if len(column)%16 != 0 || len(column) > most*16 {
		return nil, false
	}
	ids := make([][16]byte, 0, len(column)/16)
	for ; len(column) > 0; column = column[16:] {
		ids = append(ids, [16]byte(column[:16]))
	}
	return ids, true
}

// CasePseudonyms tells all pseudonyms of persons.
func (r *requests) CasePseudonyms(request *keyholderpb.CasePseudonymsRequest, to grpc.ServerStreamingServer[keyholderpb.CasePiece]) error {
	ctx := to.Context()
	ids, whole := idsOf(request.GetId(), maxCaseNames)
	handles, all := idsOf(request.GetHandle(), maxCaseNames)
	if n := len(ids) + len(handles); !whole || !all || n == 0 || n > maxCaseNames {
		return errNames
	}
	access.TallyOf(ctx).Rows = len(ids) + len(handles)
	send := func(p cases.Person) error {
		piece := &keyholderpb.CasePiece{Site: string(p.Site)}
		if p.Handle.IsZero() {
			piece.Id = p.ID[:]
		} else {
			piece.Handle = p.Handle[:]
		}
		return inPieces(p.Pseudonyms, func(part []*keyholderpb.CasePseudonym) error {
			piece.Pseudonym = part
			return to.Send(piece)
		})
	}
	var err error
	if len(ids) > 0 {
		err = r.cases.Pseudonyms(ctx, ids, send)
	}
	if err == nil && len(handles) > 0 {
		wanted := make(map[event.Handle]bool, len(handles))
		for _, h := range handles {
			wanted[event.Handle(h)] = true
		}
		err = r.cases.PseudonymsOf(ctx, wanted, send)
	}
	return r.answered(ctx, err)
}

// CaseIdentifiers tells what a recipient has to know. It is recorded whose case it was,
// and who is told.
func (r *requests) CaseIdentifiers(ctx context.Context, request *keyholderpb.CaseIdentifiersRequest) (*keyholderpb.CaseIdentifiersAnswer, error) {
	recipient := request.GetRecipient()
	switch {
	case len(request.GetId()) != 16:
		return nil, errNoCase
	case !access.Plain(recipient):
		return nil, errTo
	}
	kinds := make([]event.IdentifierKind, 0, len(request.GetKind()))
	for _, k := range request.GetKind() {
		kinds = append(kinds, kindOf(k))
	}
	access.TallyOf(ctx).Key = "case " + hex.EncodeToString(request.GetId()) + " to " + recipient
	list, err := r.cases.Identifiers(ctx, [16]byte(request.GetId()), kinds)
	if err != nil {
		return nil, r.refused(ctx, err)
	}
	access.TallyOf(ctx).Rows = len(list)
	answer := &keyholderpb.CaseIdentifiersAnswer{}
	for i := range list {
		answer.Datum = append(answer.Datum, wireDatum(&list[i]))
	}
	return answer, nil
}

// CloseCases forgets whom requests were about.
func (r *requests) CloseCases(ctx context.Context, request *keyholderpb.CloseCasesRequest) (*keyholderpb.CloseCasesAnswer, error) {
	ids, whole := idsOf(request.GetId(), maxCaseNames)
	if !whole || len(ids) == 0 {
		return nil, errNames
	}
	access.TallyOf(ctx).Rows = len(ids)
	if err := r.cases.Close(ctx, ids); err != nil {
		return nil, r.refused(ctx, err)
	}
	return &keyholderpb.CloseCasesAnswer{}, nil
}

// ListCases tells which cases there are.
func (r *requests) ListCases(_ *keyholderpb.ListCasesRequest, to grpc.ServerStreamingServer[keyholderpb.ListCasesPiece]) error {
	ctx := to.Context()
	piece := &keyholderpb.ListCasesPiece{}
	flush := func(least int) error {
		if len(piece.GetOpened()) < least {
			return nil
		}
		full := piece
		piece = &keyholderpb.ListCasesPiece{}
		return to.Send(full)
	}
	err := r.cases.Each(ctx, func(id [16]byte, opened time.Time) error {
		access.TallyOf(ctx).Rows++
		piece.Id, piece.Opened = append(piece.GetId(), id[:]...), append(piece.GetOpened(), opened.UnixMilli())
		return flush(casePiece)
	})
	if err == nil {
		err = flush(1)
	}
	return r.answered(ctx, err)
}

// Idle names contacts that were not seen for some time.
func (r *requests) Idle(request *keyholderpb.IdleRequest, to grpc.ServerStreamingServer[keyholderpb.IdlePiece]) error {
	ctx := to.Context()
	piece := &keyholderpb.IdlePiece{}
	err := r.cases.Idle(ctx, request.GetBefore(), int(request.GetLimit()), func(name [cases.NameSize]byte) error {
		access.TallyOf(ctx).Rows++
		piece.Idle = append(piece.GetIdle(), name[:]...)
		if len(piece.GetIdle()) < casePiece*cases.NameSize {
			return nil
		}
		full := piece
		piece = &keyholderpb.IdlePiece{}
		return to.Send(full)
	})
	if err == nil && len(piece.GetIdle()) > 0 {
		err = to.Send(piece)
	}
	return r.answered(ctx, err)
}
