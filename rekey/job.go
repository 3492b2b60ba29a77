package rekey

import (
	"context"
	"errors"
	"fmt"
	"time"

	"zgoda/event"
	"zgoda/pseudonym"
)

// profiling is the one purpose key under which rows are carried over.
const profiling = "purpose-profiling"

// errBehind means that this gateway does not work with the keys of the map yet.
var errBehind = errors.New("the keys have changed meanwhile")

// work rewrites until no rotation is open or ctx ends.
func (k *Keeper) work(ctx context.Context) {
	said := ""
	for k.isOpen() && ctx.Err() == nil {
		rows, err := k.rewriteAll(ctx)
		if err == nil {
			k.deps.Logger.Info("everything that is stored has its new pseudonym", "rows", rows)
			return
		}
		if ctx.Err() != nil {
			return
		}
		k.metrics.failures.Inc()
		if text := err.Error(); text != said { // once for each kind of trouble
			k.deps.Logger.Warn("rewriting under new pseudonyms is begun anew", "error", err)
			said = text
		}
		_ = pause(ctx, k.cfg.Retry)
	}
}

// rewriteAll carries everything over, from the beginning, and tells the keyholder.
func (k *Keeper) rewriteAll(ctx context.Context) (rows uint64, err error) {
	under, l, err := k.lead(ctx)
	if err != nil {
		return 0, err
	}
	defer func() { l.release(ctx) }()
	to := k.current()
	pass, err := k.deps.Begin(under, to)
	if err != nil {
		return 0, cause(under, err)
	}
	defer func() {
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), endWithin)
		defer cancel()
		if end := pass.End(bounded); end != nil && err == nil {
			err = end
		}
	}()
	if err := k.fill(under, pass, to); err != nil {
		return 0, cause(under, err)
	}
	for {
		n, done, err := k.pass(under, l, pass)
		rows += n
		if err != nil {
			return rows, cause(under, err)
		}
		if done {
			break
		}
		// All go on for a while: what has gathered is stored first.
		l.release(ctx)
		if under, l, err = k.again(ctx, l); err != nil {
			return rows, err
		}
	}
	// Nothing is spooled anywhere under the old key, and nothing is stored under it.
	if err := pass.End(under); err != nil {
		return rows, cause(under, err)
	}
	return rows, k.deps.Admin.RotateDone(under, profiling)
}

// endWithin is how long taking the map away may take.
const endWithin = 10 * time.Second

// cause names why a lease ended rather than that it did.
func cause(under context.Context, err error) error {
	if why := context.Cause(under); under.Err() != nil && !errors.Is(why, context.Canceled) {
		return fmt.Errorf("%w: %w", why, err)
	}
	return err
}

// fill copies the map from the keyholder's memory to ClickHouse's.
func (k *Keeper) fill(ctx context.Context, pass Rewriting, to event.KeyVersion) error {
	return k.deps.Admin.PurposeMap(ctx, profiling, func(m pseudonym.PurposeMap) error {
		if event.KeyVersion(m.To) != to {
			return errBehind
		}
		return pass.Map(ctx, m.Old, m.New)
	})
}

// pass rewrites partitions until the lease is spent or none is left.
func (k *Keeper) pass(ctx context.Context, l *lease, pass Rewriting) (rows uint64, done bool, err error) {
	partitions, err := pass.Partitions(ctx)
	if err != nil {
		return 0, false, err
	}
	for i, partition := range partitions {
		k.metrics.left.Set(float64(len(partitions) - i))
		n, err := pass.Rewrite(ctx, partition)
		rows += n
		k.metrics.rows.Add(float64(n))
		if err != nil {
			return rows, false, err
		}
		if l.spent() {
			return rows, false, nil
		}
	}
	k.metrics.left.Set(0)
	n, err := pass.Links(ctx)
	rows += n
	if err != nil {
		return rows, false, err
	}
	left, err := pass.Left(ctx)
	return rows, left == 0, err
}

// again takes the lease once more, when what had gathered under the last is stored.
// Without one it returns the last, so that there is something to release.
func (k *Keeper) again(ctx context.Context, last *lease) (context.Context, *lease, error) {
	end := k.deps.Spool.End()
	within, stop := context.WithTimeout(ctx, k.cfg.Wait)
	defer stop()
	for k.deps.Spool.WaitsBefore(end) > 0 && pause(within, cleanAsk) == nil {
		continue
	}
	for {
		under, l, err := k.lead(ctx)
		switch {
		case err == nil:
			return under, l, nil
		case !errors.Is(err, errWaits) || !k.isOpen():
			return ctx, last, err
		}
		if err := pause(ctx, k.cfg.Retry); err != nil {
			return ctx, last, err
		}
	}
}
