package access

import (
	"context"
	"runtime"
	"strings"

	"google.golang.org/grpc"

	"zgoda/pseudonym/keyholderpb"
)

// Unary takes every call of one question and one answer through the policy.
func (p *Policy) Unary(ctx context.Context, request any, i *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	reached(ctx)
	a, err := p.admit(ctx, i.FullMethod)
	if err != nil {
		return nil, err
	}
	needed, err := p.open(&a, request)
	switch {
	case err != nil:
		return nil, err
	case needed != nil:
		return &keyholderpb.RevealAnswer{ApprovalNeeded: needed}, nil
	}
	ctx, t := withTally(ctx)
	answer, err := p.guard(func() (any, error) { return handle(ctx, request) })
	if err := p.settle(&a, t, err); err != nil {
		return nil, err
	}
	return answer, nil
}

// Stream takes calls in parts through the policy, at their first message.
func (p *Policy) Stream(server any, s grpc.ServerStream, i *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	reached(s.Context())
	a, err := p.admit(s.Context(), i.FullMethod)
	if err != nil {
		return err
	}
	ctx, t := withTally(s.Context())
	w := &stream{ServerStream: s, policy: p, a: &a, ctx: func() context.Context { return ctx }}
	_, err = p.guard(func() (any, error) { return nil, handle(server, w) })
	if w.refused != nil {
		return w.refused // recorded already
	}
	return p.settle(&a, t, err)
}

// stream looks at the first message that comes in.
type stream struct {
	grpc.ServerStream

	policy  *Policy
	a       *admitted
	ctx     func() context.Context
	opened  bool
	refused error
}

// Context returns the call's context, with its tally.
func (s *stream) Context() context.Context { return s.ctx() }

// RecvMsg receives a message; the first one is looked at.
func (s *stream) RecvMsg(m any) error {
	if s.refused != nil {
		return s.refused
	}
	if err := s.ServerStream.RecvMsg(m); err != nil || s.opened {
		return err
	}
	s.opened = true
	needed, err := s.policy.open(s.a, m)
	if err == nil && needed != nil {
		err = errSecond
	}
	s.refused = err
	return err
}

// guard turns a panic of a handler into an error that tells nothing of what it
// was about: a panic's text may hold what a caller sent. Functions are named,
// arguments are not.
func (p *Policy) guard(do func() (any, error)) (answer any, err error) {
	defer func() {
		if recover() == nil {
			return
		}
		p.metrics.panics.Add(1)
		p.failed(panicked(where()))
		answer, err = nil, errInternal
	}()
	return do()
}

// panicked are the functions that led to a panic.
type panicked string

func (e panicked) Error() string { return "a handler panicked in " + string(e) }

func where() string {
	var at [32]uintptr
	frames := runtime.CallersFrames(at[:runtime.Callers(4, at[:])])
	var names []string
	for f, more := frames.Next(); more && len(names) < 8; f, more = frames.Next() {
		if strings.HasPrefix(f.Function, "zgoda/") {
			names = append(names, f.Function)
		}
	}
	return strings.Join(names, " < ")
}
