package keyholder

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/event"
	"zgoda/pseudonym/access"
	"zgoda/pseudonym/cases"
	"zgoda/pseudonym/keyholderpb"
)

// rights answers those who answer people's requests.
type rights struct {
	keyholderpb.UnimplementedRightsServer

	service *service
	persons *persons
	cases   *cases.Cases
}

// Find tells whether an identifier is known, and its handles. It never mints.
func (r *rights) Find(ctx context.Context, request *keyholderpb.FindRequest) (*keyholderpb.FindAnswer, error) {
	hashes, err := keyholderpb.Blinded(request.GetH1())
	old, errs := keyholderpb.Blinded(request.GetH1Old())
	if err != nil || errs != nil || len(hashes) != 1 || len(request.GetKind()) != 1 || len(old) > 1 {
		return nil, errFind
	}
	kind, period := event.IdentifierKind(request.GetKind()[0]), event.Period(request.GetPeriod())
	if err := check(hashes[0], kind); err != nil {
		return nil, err
	}
	d, err := r.service.deriver(0) //nolint:contextcheck // the keys of a period are made for all calls
	if err != nil {
		return nil, err
	}
	defer d.Release()
	tally := access.TallyOf(ctx)
	tally.Rows = 1
	if kind == event.KindVisitor {
		return &keyholderpb.FindAnswer{Known: true, Handles: one(d.Visitor(hashes[0], period))}, nil
	}
	w := wanted{h1: hashes[0]}
	if len(old) == 1 && r.service.rotates() {
		w.old = old[0]
	}
	salt, known, err := r.service.find(ctx, d, w)
	if err != nil {
		return nil, err
	}
	if !known {
		if err := r.service.quota(ctx, 1, 0); err != nil {
			return nil, err
		}
		return &keyholderpb.FindAnswer{}, nil
	}
	return &keyholderpb.FindAnswer{Known: true, Handles: one(d.Contact(salt, period))}, nil
}

// Approve lets a reveal of another person through.
func (r *rights) Approve(ctx context.Context, request *keyholderpb.ApproveRequest) (*keyholderpb.ApproveAnswer, error) {
	err := r.service.policy.Reveals.Approve(request.GetId(), request.GetCall().GetActor())
	if err != nil {
		access.TallyOf(ctx).Why = access.WhyApproval
		code := codes.NotFound
		if errors.Is(err, access.ErrSamePerson) {
			code = codes.PermissionDenied
		}
		return nil, status.Error(code, err.Error())
	}
	return &keyholderpb.ApproveAnswer{}, nil
}

// Waiting lists the reveals that want a second person.
func (r *rights) Waiting(context.Context, *keyholderpb.WaitingRequest) (*keyholderpb.WaitingAnswer, error) {
	answer := &keyholderpb.WaitingAnswer{}
	for _, w := range r.service.policy.Reveals.Waiting() {
		answer.Waiting = append(answer.Waiting, &keyholderpb.WaitingReveal{
			Id: w.ID[:], Actor: w.Actor, Reason: w.Reason, Since: w.Since.UnixMilli(), Until: w.Until.UnixMilli(), Approved: w.Approved,
		})
	}
	return answer, nil
}
