package later

import (
	"context"
	"errors"
	"sync"

	"golang.org/x/sync/errgroup"

	"zgoda/event"
	"zgoda/subjects"
)

// resume decides about the events that are open: of one person's in the order in
// which they came, so that what one of them links is linked for the next and for none
// before it; of different people's at once. It returns one of the errors.
func (r *Resolver) resume(ctx context.Context, waiting []*waiter) error {
	var mu sync.Mutex
	var last error
	var g errgroup.Group
	g.SetLimit(r.cfg.Workers)
	for _, chain := range chains(waiting) {
		g.Go(func() error {
			for _, w := range chain {
				if err := r.one(ctx, w); err != nil {
					mu.Lock()
					defer mu.Unlock()
					last = err
					return nil // those behind it wait
				}
			}
			return nil
		})
	}
	_ = g.Wait() // none returns an error
	return last
}

// one decides about one event.
func (r *Resolver) one(ctx context.Context, w *waiter) error {
	out, err := r.deps.Collector.Resume(ctx, w.event, w.identities())
	switch {
	case errors.Is(err, ErrNever):
		w.never = true
	case err != nil:
		w.opened = nil // opened again next time: a key that it is under may have ended meanwhile
		return err
	case out.Reason != event.ReasonNone:
		w.done = true
		r.deps.Fates.DropLater(out.Reason, 1)
		r.metrics.dropped.Inc()
	default:
		w.out, w.put = out, true
	}
	return nil
}

// identities are the people of an opened event.
func (w *waiter) identities() []subjects.Identity {
	ids := make([]subjects.Identity, len(w.opened.List))
	for i := range ids {
		from := &w.opened.List[i]
		ids[i] = subjects.Identity{H1: from.H1, Kind: from.Kind, Mint: from.Mint, Old: from.Old}
		if from.Kind != event.KindVisitor {
			ids[i].Gate = w.opened.Gate
		}
	}
	return ids
}

// chains gathers the events still to be decided by whom they are about: events that
// share an identifier, with each other or by way of further ones, are one chain, in
// their order.
func chains(waiting []*waiter) [][]*waiter {
	parent := make([]int, len(waiting))
	var root func(i int) int
	root = func(i int) int {
		if parent[i] != i {
			parent[i] = root(parent[i])
		}
		return parent[i]
	}
	first := map[event.Blinded]int{}
	for i, w := range waiting {
		parent[i] = i
		if w.done || w.never || w.put || w.opened == nil {
			continue
		}
		for j := range w.opened.List {
			h1 := w.opened.List[j].H1
			if k, there := first[h1]; there {
				parent[root(i)] = root(k)
			} else {
				first[h1] = i
			}
		}
	}
	place := map[int]int{}
	var all [][]*waiter
	for i, w := range waiting {
		if w.done || w.never || w.put || w.opened == nil {
			continue
		}
		at, there := place[root(i)]
		if !there {
			at = len(all)
			place[root(i)] = at
			all = append(all, nil)
		}
		all[at] = append(all[at], w)
	}
	return all
}
