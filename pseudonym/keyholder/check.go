package keyholder

import (
	"errors"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/calls"
	"zgoda/pseudonym/keyholderpb"
)

// check checks the log of calls, seals included, and answers with the verdict.
func (a *administrator) check(to grpc.ServerStreamingServer[keyholderpb.CallsPiece]) error {
	v, err := a.calls.Verify()
	verdict := &keyholderpb.CallsVerdict{Last: v.Last, Seals: v.Seals, Sealed: v.Sealed}
	var broken *calls.Broken
	switch {
	case errors.As(err, &broken):
		verdict.Broken = broken.Error()
	case err != nil:
		return status.Error(codes.Internal, "the log of calls cannot be read")
	}
	return to.Send(&keyholderpb.CallsPiece{Verdict: verdict})
}
