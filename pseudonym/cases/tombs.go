package cases

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"zgoda/event"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

// tombs are the tombstones of the last days, in memory.
type tombs struct {
	mu    sync.RWMutex
	days  map[string]*day
	links []uint32 // lengths of the chain of K_link that there are tombstones of
	after int64    // those up to this one were read
	count int
}

// day are the tombstones of one day.
type day struct {
	key     keyring.Tombstone
	cutoffs map[[16]byte]int64 // Unix milliseconds
}

// add takes tombstones of one day into memory.
func (t *tombs) add(key *keyring.Tombstone, list []vault.Tomb) {
	if len(list) == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.days == nil {
		t.days = map[string]*day{}
	}
	d := t.days[key.Name]
	if d == nil {
		d = &day{key: *key, cutoffs: map[[16]byte]int64{}}
		t.days[key.Name] = d
	}
	for i := range list {
		one := &list[i]
		was, there := d.cutoffs[one.Tag]
		if !there {
			t.count++
		}
		d.cutoffs[one.Tag] = max(was, one.Cutoff.UnixMilli())
		if !slices.Contains(t.links, one.Link) {
			t.links = append(t.links, one.Link)
		}
	}
}

// keep forgets the tombstones of all days but some.
func (t *tombs) keep(kept []string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for name, d := range t.days {
		if !slices.Contains(kept, name) {
			t.count -= len(d.cutoffs)
			delete(t.days, name)
		}
	}
	if len(t.days) == 0 {
		t.links = nil
	}
}

// Tombstones returns how many there are.
func (c *Cases) Tombstones() int {
	c.tombs.mu.RLock()
	defer c.tombs.mu.RUnlock()
	return c.tombs.count
}

// LoadTombs reads the tombstones that were written since it was last called.
func (c *Cases) LoadTombs(ctx context.Context) error {
	c.tombs.mu.RLock()
	after := c.tombs.after
	c.tombs.mu.RUnlock()
	fresh := map[string][]vault.Tomb{}
	next, err := c.Store.EachTomb(ctx, after, func(t vault.Tomb) { fresh[t.Key] = append(fresh[t.Key], t) })
	if err != nil {
		return err
	}
	if len(fresh) > 0 {
		keys, err := c.Ring.Tombstones(ctx)
		if err != nil {
			return fmt.Errorf("the keys of tombstones: %w", err)
		}
		for i := range keys { // those whose key is gone are nobody's any more
			c.tombs.add(&keys[i], fresh[keys[i].Name])
		}
	}
	c.tombs.mu.Lock()
	c.tombs.after = max(c.tombs.after, next)
	c.tombs.mu.Unlock()
	return nil
}

// Look looks for tombstones of identifiers. It belongs to one goroutine, and Release
// ends it.
type Look struct {
	tombs   *tombs
	deriver *keyring.Deriver
	tag     [16]byte
	index   keyring.Index
}

var looks = sync.Pool{New: func() any { return new(Look) }}

// Look begins to look for tombstones; nil: there are none at all.
func (c *Cases) Look(d *keyring.Deriver) *Look {
	c.tombs.mu.RLock()
	if c.tombs.count == 0 {
		c.tombs.mu.RUnlock()
		return nil
	}
	l := looks.Get().(*Look) //nolint:forcetypeassert // the pool's New makes nothing else
	l.tombs, l.deriver = &c.tombs, d
	return l
}

// Release ends the looking.
func (l *Look) Release() {
	l.tombs.mu.RUnlock()
	*l = Look{}
	looks.Put(l)
}

// Cutoff returns the latest cut-off, in Unix milliseconds, of erasures that an identifier
// was part of; 0: of none. The index is the one by the whole chain of K_link. It takes the
// same time for all identifiers.
func (l *Look) Cutoff(h1 event.Blinded, current *keyring.Index) (cutoff int64) {
	for _, link := range l.tombs.links {
		if l.index = *current; link != l.deriver.Links() {
			l.index = l.deriver.IndexBy(h1, link)
		}
		for _, d := range l.tombs.days {
			d.key.Mark(&l.tag, &l.index)
			cutoff = max(cutoff, d.cutoffs[l.tag])
		}
	}
	return cutoff
}
