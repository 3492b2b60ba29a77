package erasing

import (
	"context"
	"errors"
	"time"

	"golang.org/x/sync/errgroup"

	"zgoda/control"
)

// errLost ends the work of a leader that has lost its lease.
var errLost = errors.New("another node leads")

// Run leads erasures, whenever no other node does, until ctx ends.
func (e *Eraser) Run(ctx context.Context) error {
	for {
		held, err := e.lease(ctx)
		e.trouble(ctx, "take the lease of erasures", err)
		if held && err == nil {
			e.lead(ctx)
		}
		if err := pause(ctx, e.cfg.Poll, nil); err != nil {
			return nil //nolint:nilerr // it was told to end
		}
	}
}

func (e *Eraser) lease(ctx context.Context) (bool, error) {
	now := e.now()
	return e.deps.Store.Lease(ctx, control.LeaseErasure, now.Add(e.cfg.Lease), now)
}

// lead does what is to be done for as long as this node has the lease.
func (e *Eraser) lead(ctx context.Context) {
	e.log.Info("this node leads erasures")
	group, leading := errgroup.WithContext(ctx)
	group.Go(func() error { return e.renew(leading) })
	group.Go(func() error { return e.repeat(leading, e.wake, "take rows away", e.batches) })
	group.Go(func() error { return e.repeat(leading, e.finish, "end erasures", e.ends) })
	_ = group.Wait() // why is logged
}

// renew keeps the lease. A store that is away is no reason to end before the lease is
// over: whatever is written checks it.
func (e *Eraser) renew(ctx context.Context) error {
	last := e.now()
	for {
		if err := pause(ctx, e.cfg.Lease/5, nil); err != nil {
			return err
		}
		held, err := e.lease(ctx)
		switch {
		case err == nil && held:
			last = e.now()
		case err == nil || e.now().Sub(last) > e.cfg.Lease:
			e.log.Info("this node does not lead erasures any more")
			return errLost
		}
	}
}

// repeat does something again and again.
func (e *Eraser) repeat(ctx context.Context, wake <-chan struct{}, act string, do func(context.Context) error) error {
	for {
		e.trouble(ctx, act, do(ctx))
		if err := pause(ctx, e.cfg.Poll, wake); err != nil {
			return err
		}
	}
}

// pause waits, or until it is woken.
func pause(ctx context.Context, d time.Duration, wake <-chan struct{}) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
	case <-wake:
	}
	return nil
}
