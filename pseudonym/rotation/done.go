package rotation

import (
	"context"
	"fmt"
	"time"

	"zgoda/pseudonym/keyring"
)

const rewritten = "everything that was stored under it has been rewritten"

// Done says that nothing is stored under the old version of a purpose key any
// more. Telling it again changes nothing. Told to one of several keyholders that does
// not rotate, it is noted for the one that does, and waited for.
func (r *Rotator) Done(ctx context.Context, key keyring.Key) error {
	if key != Profiling {
		return fmt.Errorf("%s: %w", key, ErrNotOpen)
	}
	leads, err := r.done(ctx)
	if err != nil || leads {
		return err
	}
	tick := time.NewTicker(doneAsk)
	defer tick.Stop()
	for {
		if err := r.ring.Refresh(ctx); err != nil {
			return err
		}
		if !r.ring.Carrying(Profiling) {
			return nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return fmt.Errorf("wait for the keyholder that rotates: %w", context.Cause(ctx))
		}
	}
}

// doneAsk is how often the keys are looked at for what another keyholder was told.
const doneAsk = 200 * time.Millisecond

func (r *Rotator) done(ctx context.Context) (leads bool, err error) {
	r.working.Lock()
	defer r.working.Unlock()
	if leads, err = r.leads(ctx); err != nil {
		return false, err
	}
	made, old, err := r.ring.Waiting(ctx, Profiling)
	if err != nil {
		return false, err
	}
	if made != 0 {
		return false, fmt.Errorf("%s: %w", Profiling, ErrNotOpen)
	}
	if !leads {
		w, err := r.wish(ctx, Profiling)
		if err != nil || len(old) == 0 || w.Cut {
			return false, err
		}
		return false, r.setWish(ctx, Profiling, wish{Rewritten: old})
	}
	return true, r.endProfiling(ctx, old, rewritten)
}
