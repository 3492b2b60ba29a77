package rekey

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
)

// Why the job lets everything go before it is done.
var (
	errWaits = errors.New("not all gateways hold their writers yet")
	errLost  = errors.New("the lease was lost")
	errFull  = errors.New("the spool fills while writers hold: raise spool_limit")
)

// lease is the time in which no gateway stores, and this one rewrites. The context
// that comes with it ends with it.
type lease struct {
	keeper *Keeper
	since  time.Time
	cancel context.CancelCauseFunc
	over   chan struct{} // closed when it is renewed no more
	resume func()
	once   sync.Once // resume is the keeper's since
}

const (
	leaseAsk   = 200 * time.Millisecond // between two questions for it
	leaseRenew = time.Second
	leaseEdge  = 10 * time.Second // before its end, what is under way is given up
	leaseLimit = 0.9              // of the spool: fuller, everything is let go
	cleanAsk   = 50 * time.Millisecond
)

// lead has every gateway hold. It returns when they do, or after a while with errWaits.
func (k *Keeper) lead(ctx context.Context) (under context.Context, l *lease, err error) {
	if err := k.ready(ctx); err != nil {
		return nil, nil, err
	}
	wait, stop := context.WithTimeoutCause(ctx, k.cfg.Wait, errWaits)
	defer stop()
	resume, err := k.deps.Writer.Hold(wait)
	if err != nil {
		return nil, nil, err
	}
	l = &lease{keeper: k, since: time.Now(), over: make(chan struct{}), resume: resume}
	under, l.cancel = context.WithCancelCause(ctx)
	k.setLeading(true)
	until, err := k.lease(wait)
	if err != nil {
		close(l.over)
		l.release(ctx)
		return nil, nil, err
	}
	k.metrics.holds.Inc()
	go l.renew(under, until)
	return under, l, nil
}

// ready waits until nothing is spooled under old pseudonyms, and there is room for
// what comes while the writer holds.
func (k *Keeper) ready(ctx context.Context) error {
	for {
		st := k.deps.Spool.Stats()
		if k.clean() && float64(st.Bytes) <= k.cfg.Fill*float64(st.Limit) {
			return nil
		}
		if err := pause(ctx, cleanAsk); err != nil {
			return err
		}
	}
}

// lease asks until the lease is held.
func (k *Keeper) lease(ctx context.Context) (until time.Time, err error) {
	for {
		held, until, err := k.deps.Admin.Lease(ctx, k.cfg.Node, false)
		if held && err == nil {
			return until, nil
		}
		if waited := pause(ctx, leaseAsk); waited != nil {
			return time.Time{}, errors.Join(waited, err)
		}
	}
}

// renew renews the lease until it is given up, and ends its context when it is
// lost, in good time before another may have it, or when the spool fills.
func (l *lease) renew(ctx context.Context, until time.Time) {
	defer close(l.over)
	for pause(ctx, leaseRenew) == nil {
		held, next, err := l.keeper.deps.Admin.Lease(ctx, l.keeper.cfg.Node, false)
		switch {
		case err == nil && held:
			until = next
		case err == nil:
			l.cancel(errLost)
		case time.Until(until) < leaseEdge:
			l.cancel(fmt.Errorf("%w: %w", errLost, err))
		}
		if st := l.keeper.deps.Spool.Stats(); float64(st.Bytes) > leaseLimit*float64(st.Limit) {
			l.cancel(errFull)
		}
	}
}

// spent says whether all should go on for a while.
func (l *lease) spent() bool {
	st := l.keeper.deps.Spool.Stats()
	return time.Since(l.since) > l.keeper.cfg.Budget || float64(st.Bytes) > l.keeper.cfg.Fill*float64(st.Limit)
}

// release lets all go on, this gateway at the keeper's next step. Twice is fine.
func (l *lease) release(ctx context.Context) {
	l.cancel(context.Canceled)
	<-l.over
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), releaseWithin)
	defer cancel()
	if _, _, err := l.keeper.deps.Admin.Lease(ctx, l.keeper.cfg.Node, true); err != nil {
		l.keeper.deps.Logger.Warn("the lease could not be given up; it ends by itself", "error", err)
	}
	l.once.Do(func() {
		l.keeper.keep(l.resume) // as if another had led: the next step lets go of it
		l.keeper.setLeading(false)
	})
}

const releaseWithin = 2 * time.Second
