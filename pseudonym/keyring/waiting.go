package keyring

import (
	"context"
	"slices"
)

// Waiting returns the version of a key that was made and is not in use yet, or
// 0, and the old ones whose work is still being carried over. When it returns,
// whoever computes does so under the keys that it tells of.
func (r *Ring) Waiting(ctx context.Context, key Key) (made uint32, old []uint32, err error) {
	r.changing.Lock()
	defer r.changing.Unlock()
	if r.behind {
		if err := r.rebuild(ctx); err != nil {
			return 0, nil, err
		}
	}
	s, err := r.fetch(ctx, string(key))
	if err != nil {
		return 0, nil, err
	}
	if fresh := s.having(StateMade); len(fresh) > 0 {
		made = fresh[0]
	}
	return made, s.having(StateOld), nil
}

// Purpose returns the version of purpose-profiling that contacts are under.
func (d *Deriver) Purpose() uint32 { return d.epoch.profiling.id }

// CutMonth puts a new key in the place of the running month's analytics key.
func (r *Ring) CutMonth(ctx context.Context) error {
	key := Key(analyticsName(periodOf(r.now())))
	number, err := r.Make(ctx, key)
	if err != nil {
		return err
	}
	if err := r.Promote(ctx, key, number); err != nil {
		return err
	}
	_, old, err := r.Waiting(ctx, key)
	if err != nil {
		return err
	}
	for _, before := range old {
		if err := r.Destroy(ctx, key, before, "cut"); err != nil {
			return err
		}
	}
	return nil
}

// Carrying says whether an old version of a key is still being carried over.
func (r *Ring) Carrying(key Key) bool {
	return slices.Contains(*r.carrying.Load(), key)
}
