package rotation

import (
	"context"
	"slices"
	"strings"

	"zgoda/pseudonym/keyring"
)

// Progress is how far a rotation is.
type Progress struct {
	Key      keyring.Key
	Step     string
	Done, Of uint64
	Waits    bool // for somebody else to act
	Ended    bool
}

// tell keeps how far a rotation is, for those who watch.
func (r *Rotator) tell(p Progress) {
	r.telling.Lock()
	defer r.telling.Unlock()
	r.told[p.Key] = p
	close(r.changed)
	r.changed = make(chan struct{})
}

// Told returns how far the rotations are that have moved since the start, which
// gateways the one that rewrites waits for, and whether this keyholder cannot follow
// another's change of the key-encryption key.
func (r *Rotator) Told(ctx context.Context) []Progress {
	out := r.moved()
	for i := range out {
		if out[i].Key != Profiling {
			continue
		}
		if names, err := r.board.Waits(ctx); err == nil && len(names) > 0 {
			out[i].Step += "; waiting until these hold: " + strings.Join(names, " ")
		}
	}
	if why := r.ring.Lagging(); why != nil {
		out = append(out, Progress{Key: KEK, Step: "this keyholder cannot open keys that another has wrapped anew, and goes on with those in memory: " + why.Error(), Waits: true})
	}
	return out
}

// moved are the rotations that have moved since the start and have not ended. Which
// one another keyholder leads is seen by the keys.
func (r *Rotator) moved() (out []Progress) {
	r.telling.Lock()
	defer r.telling.Unlock()
	for _, key := range append(slices.Clone(order), KEK) {
		p, ok := r.told[key]
		if r.deps.Lead != nil && key == Profiling {
			ok = r.ring.Carrying(Profiling)
			if p.Key == "" || p.Ended {
				p = Progress{Key: Profiling, Step: stepRewrite, Waits: true}
			}
		}
		if ok && !p.Ended {
			out = append(out, p)
		}
	}
	return out
}

// stepRewrite is when nothing is left for a keyholder to do.
const stepRewrite = "gateways rewrite what is stored"

// Watch tells how far a key's rotation is, at each change, until it has ended or
// yield says no.
func (r *Rotator) Watch(ctx context.Context, key keyring.Key, yield func(Progress) bool) error {
	for {
		r.telling.Lock()
		p, ok := r.told[key]
		changed := r.changed
		r.telling.Unlock()
		if ok && (!yield(p) || p.Ended) {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}
