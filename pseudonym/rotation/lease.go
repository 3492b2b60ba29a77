package rotation

import (
	"context"
	"time"

	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/standstill"
)

// Board has all gateways hold while one rewrites (package standstill). A gateway is
// told of the revision of the keys that its keyholder has.
type Board interface {
	Ready(ctx context.Context, by, name string, held bool, revision uint64) (hold bool, err error)
	Lease(ctx context.Context, name string, revision uint64) (held bool, until time.Time, err error)
	Release(ctx context.Context, name string) error
	Waits(ctx context.Context) ([]string, error)
	Nodes(ctx context.Context) ([]string, error)
}

// own is the board of the one keyholder there is: what it tells gateways and what it
// computes under do not differ.
type own struct{ board *standstill.Board }

// Own is the board of a keyholder that has its vault alone.
func Own(board *standstill.Board) Board { return own{board} }

func (o own) Ready(_ context.Context, by, name string, held bool, _ uint64) (bool, error) {
	return o.board.Ready(by, name, held), nil
}

func (o own) Lease(_ context.Context, name string, _ uint64) (bool, time.Time, error) {
	held, until := o.board.Lease(name)
	return held, until, nil
}

func (o own) Release(_ context.Context, name string) error { o.board.Release(name); return nil }

func (o own) Waits(context.Context) ([]string, error) { return o.board.Waits(), nil }

func (o own) Nodes(context.Context) ([]string, error) { return o.board.Nodes(), nil }

// Seen notes that a gateway was heard of by a caller's credential, and whether its
// writer holds; hold says whether it has to. revision is what it is told of the keys.
func (r *Rotator) Seen(ctx context.Context, by, name string, held bool, revision uint64) (hold bool, err error) {
	return r.board.Ready(ctx, by, name, held, revision)
}

// Lease asks for the lease. It is held from when every other gateway that was
// heard of says that its writer holds; until then they are told to, and the
// asker asks again. release gives it up.
//
// Of several keyholders all have the keys that this one has when nothing of them was
// changed for as long as any would go on without having looked.
func (r *Rotator) Lease(ctx context.Context, name string, release bool) (held bool, until time.Time, err error) {
	if release {
		return false, time.Time{}, r.board.Release(ctx, name)
	}
	revision := r.ring.Revision()
	if r.deps.Lead != nil && !r.unchanged(revision) {
		return false, time.Time{}, nil
	}
	return r.board.Lease(ctx, name, revision)
}

// unchanged says whether the keys have had a revision for a while.
func (r *Rotator) unchanged(revision uint64) bool {
	r.telling.Lock()
	defer r.telling.Unlock()
	if now := time.Now(); r.revision != revision {
		r.revision, r.revised = revision, now
	}
	return time.Since(r.revised) >= keyring.StaleAfter
}

// Nodes returns the gateways that were heard of within a day.
func (r *Rotator) Nodes(ctx context.Context) ([]string, error) { return r.board.Nodes(ctx) }
