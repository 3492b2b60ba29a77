package keyholder

import (
	"context"
	"errors"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/access"
	"zgoda/pseudonym/authority"
	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/role"
)

// administrator answers who looks after the keys.
type administrator struct {
	keyholderpb.UnimplementedAdministerServer

	authority *authority.Authority
	calls     *calls.Log
	keys      keys
}

// Issue signs a certificate for a role.
func (a *administrator) Issue(ctx context.Context, request *keyholderpb.IssueRequest) (*keyholderpb.IssueAnswer, error) {
	who := role.Caller{Role: roleOf(request.GetRole()), Name: request.GetName()}
	if role.CheckName(who.Name) == nil && who.Role != role.None {
		access.TallyOf(ctx).Key = "certificate " + who.Role.String() + "/" + who.Name
	}
	return issue(a.authority, request.GetRequest(), who, time.Duration(request.GetSeconds())*time.Second)
}

func roleOf(r keyholderpb.Role) role.Role {
	switch r {
	case keyholderpb.Role_ROLE_PSEUDONYMISE:
		return role.Pseudonymise
	case keyholderpb.Role_ROLE_RIGHTS:
		return role.Rights
	case keyholderpb.Role_ROLE_ADMINISTRATOR:
		return role.Administrator
	default:
		return role.None
	}
}

func issue(a *authority.Authority, request []byte, who role.Caller, life time.Duration) (*keyholderpb.IssueAnswer, error) {
	der, until, err := a.Issue(request, who, life)
	for _, ours := range []error{authority.ErrRequest, authority.ErrLife, role.ErrName, role.ErrRole} {
		if errors.Is(err, ours) {
			return nil, status.Error(codes.InvalidArgument, ours.Error())
		}
	}
	if err != nil {
		return nil, status.Error(codes.Internal, "the certificate could not be signed")
	}
	return &keyholderpb.IssueAnswer{Certificate: der, Authority: a.Certificate(), Until: until.Unix()}, nil
}

// Renew issues a certificate of the caller's own role and name again.
func (s *service) Renew(ctx context.Context, request *keyholderpb.RenewRequest) (*keyholderpb.IssueAnswer, error) {
	who, ok := access.From(ctx)
	name, byCertificate := strings.CutPrefix(who.Name, "cert:")
	if !ok || !byCertificate {
		return nil, status.Error(codes.FailedPrecondition, "who calls by a socket has no certificate to renew")
	}
	return issue(s.authority, request.GetRequest(), role.Caller{Role: who.Role, Name: name}, 0)
}

// pieceSize is about how much of the log one message carries.
const pieceSize = 32 << 10

// Calls hands out the log of calls, from an entry on, or checks all of it.
func (a *administrator) Calls(request *keyholderpb.CallsRequest, to grpc.ServerStreamingServer[keyholderpb.CallsPiece]) error {
	if request.GetCheck() {
		return a.check(to)
	}
	var piece []byte
	var sent error
	err := a.calls.Read(request.GetFrom(), func(text []byte) error {
		piece = append(piece, text...)
		if len(piece) >= pieceSize {
			sent = to.Send(&keyholderpb.CallsPiece{Lines: piece})
			piece = nil
		}
		return sent
	})
	if sent != nil {
		return sent
	}
	if err != nil {
		return status.Error(codes.Internal, "the log of calls cannot be read")
	}
	if len(piece) > 0 {
		return to.Send(&keyholderpb.CallsPiece{Lines: piece})
	}
	return nil
}
