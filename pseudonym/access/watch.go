package access

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/stats"
	"google.golang.org/grpc/status"
)

// Watch sees the calls that gRPC itself refuses, whose message is too large or
// no message, and those that are turned away while too many are under way: they
// do not come to the policy.
func (p *Policy) Watch() stats.Handler { return watch{p} }

type watch struct{ policy *Policy }

type reachedKey struct{}

// begun is a call that gRPC has begun.
type begun struct {
	method  string
	reached atomic.Bool
	busy    atomic.Bool
}

// Busy notes that a call is turned away since too many are under way. It is for
// who does so before the call comes to the policy.
func Busy(ctx context.Context) {
	if b, ok := ctx.Value(reachedKey{}).(*begun); ok {
		b.busy.Store(true)
	}
}

func reached(ctx context.Context) {
	if b, ok := ctx.Value(reachedKey{}).(*begun); ok {
		b.reached.Store(true)
	}
}

// TagRPC remembers which method is called.
func (watch) TagRPC(ctx context.Context, i *stats.RPCTagInfo) context.Context {
	return context.WithValue(ctx, reachedKey{}, &begun{method: i.FullMethodName})
}

// HandleRPC records a call that ended before the policy saw it.
func (w watch) HandleRPC(ctx context.Context, s stats.RPCStats) {
	end, ok := s.(*stats.End)
	if !ok || end.Error == nil {
		return
	}
	b, ok := ctx.Value(reachedKey{}).(*begun)
	if !ok || b.reached.Load() {
		return
	}
	a := admitted{act: acts[b.method]}
	if i, ok := infoOf(ctx); ok {
		a.caller = i.caller
	}
	why := WhyMalformed
	switch {
	case b.busy.Load():
		why = WhyBusy
	case status.Code(end.Error) == codes.ResourceExhausted:
		why = WhyOversized
	}
	_ = w.policy.refuse(&a, why, nil)
}

// TagConn does nothing.
func (watch) TagConn(ctx context.Context, _ *stats.ConnTagInfo) context.Context { return ctx }

// HandleConn does nothing.
func (watch) HandleConn(context.Context, stats.ConnStats) {}
