package vault

import (
	"context"
	"sync"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
)

// maxGroup bounds the indexes that one transaction writes for several callers.
const maxGroup = 8192

// wish is what one caller wants minted or linked.
type wish struct {
	indexes []keyring.Index // each of a contact of its own, or with link all of one
	link    bool
	visitor event.Blinded // with link; zero: none
	pairs   []Pair        // aliases; then there are no indexes
	made    Made
	gone    func() error // why its caller waits no longer, or nil

	to, second *target
	linked     Linked
	done       chan error
}

func (w *wish) size() int { return len(w.indexes) + 2*len(w.pairs) }

// queue holds the wishes that wait for the next transaction.
type queue struct {
	mu      sync.Mutex
	waiting []*wish
}

func (q *queue) add(w *wish) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.waiting = append(q.waiting, w)
}

// take takes out the wishes of one transaction, the first ones first.
func (q *queue) take() []*wish {
	q.mu.Lock()
	defer q.mu.Unlock()
	n, size := 0, 0
	for n < len(q.waiting) && (n == 0 || size+q.waiting[n].size() <= maxGroup) {
		size += q.waiting[n].size()
		n++
	}
	group := q.waiting[:n:n]
	q.waiting = q.waiting[n:]
	if len(q.waiting) == 0 {
		q.waiting = nil
	}
	return group
}

// submit has a wish written, together with those of others that wait at the same
// time: who finds nobody writing writes for all. It returns when it is durable.
func (v *Vault) submit(ctx context.Context, w *wish) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	w.gone, w.done = ctx.Err, make(chan error, 1)
	v.queue.add(w)
	for {
		select {
		case err := <-w.done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		case v.writing <- struct{}{}:
		}
		v.writeGroup(ctx, v.queue.take())
		<-v.writing
	}
}

// writeGroup writes wishes in one transaction. It goes on when its own caller gives
// up, since an unknown outcome helps nobody.
func (v *Vault) writeGroup(ctx context.Context, group []*wish) {
	live := make([]*wish, 0, len(group))
	for _, w := range group {
		if err := w.gone(); err != nil {
			w.done <- err
			continue
		}
		live = append(live, w)
	}
	if len(live) == 0 {
		return
	}
	c := change{v: v, made: map[keyring.Index]int{}}
	err := c.run(context.WithoutCancel(ctx), live)
	for _, w := range live {
		w.done <- err
	}
}
