package collector

import (
	"context"
	"fmt"
	"sync"

	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/subjects"
)

// mostChanged is how many people's changes are remembered: a few batches' worth.
const mostChanged = 4096

// changed remembers which changes somebody made while events about them waited, so
// that a hundred events about one person ask the store once.
type changed struct {
	mu sync.Mutex
	of map[changedKey]changedSince
}

type changedKey struct {
	site   event.SiteID
	handle event.Handle
}

// changedSince are all changes after one place in the order of changes and up to
// another, and maybe some later ones.
type changedSince struct {
	after, through event.Sequence
	entries        []ledger.Entry // in their order; shared, not to be written to
}

// find returns the changes after a place, if all up to the one that somebody was
// loaded at are remembered. Of later ones the entry is stale, so nothing is accepted.
func (c *changed) find(key changedKey, after, loaded event.Sequence) ([]ledger.Entry, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	s, there := c.of[key]
	if !there || after < s.after || loaded > s.through {
		return nil, false
	}
	for i := range s.entries {
		if s.entries[i].Sequence > after {
			return s.entries[i:], true
		}
	}
	return nil, true
}

func (c *changed) keep(key changedKey, s changedSince) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.of == nil || len(c.of) >= mostChanged {
		c.of = make(map[changedKey]changedSince)
	}
	c.of[key] = s
}

// since returns what somebody changed after a place, at least up to the one that
// they were loaded at.
func (w *work) since(ctx context.Context, of event.Handle, after, loaded event.Sequence) ([]ledger.Entry, error) {
	key := changedKey{site: w.site.ID, handle: of}
	if entries, ok := w.c.changed.find(key, after, loaded); ok {
		return entries, nil
	}
	through := max(loaded, w.c.deps.Subjects.AsOf()) // before the store is read
	entries, err := w.c.deps.Later.Changes.Since(ctx, w.site.ID, of, after, mostChanges)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", subjects.ErrControlAway, err)
	}
	if len(entries) < mostChanges { // else they are not all
		w.c.changed.keep(key, changedSince{after: after, through: through, entries: entries})
	}
	return entries, nil
}
