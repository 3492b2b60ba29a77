package decoded

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"github.com/dgraph-io/ristretto/v2"

	"zgoda/consent/gpp"
	"zgoda/consent/tcf"
)

// Cache keeps decoded strings. Its methods may be called from many goroutines.
// A nil Cache keeps nothing and decodes every time.
type Cache struct {
	kept *ristretto.Cache[uint64, kept]
	// The hashes are seeded apart, so that nobody outside can make two strings
	// meet and a GPP string never meets a TC string of the same text.
	tcSeed, gppSeed maphash.Seed
	// waiting is the size of what was handed to the cache's goroutine but is not
	// yet counted by it.
	waiting      atomic.Int64
	hits, misses atomic.Uint64
}

// Stats counts what a Cache was asked for.
type Stats struct {
	Hits, Misses uint64 // Misses counts strings that cannot be read, too
	Bytes        int64  // what is kept now
}

const (
	// maxWaiting bounds the memory that waits to be kept. Since no entry is
	// smaller than gppBytes, it also keeps the number of them below the length
	// of the queue (32,768), so that the queue is never full.
	maxWaiting = 4 << 20
	// entryBytes is about what an entry takes; four counters for each tell the
	// often asked from the seldom.
	entryBytes       = 1 << 10
	countersPerEntry = 4
)

// New returns a cache. It runs a goroutine until Close.
func New(cfg Config) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("cache of consent strings: %w", err)
	}
	c := &Cache{tcSeed: maphash.MakeSeed(), gppSeed: maphash.MakeSeed()}
	var err error
	c.kept, err = ristretto.NewCache(&ristretto.Config[uint64, kept]{
		NumCounters:        countersPerEntry * cfg.Bytes / entryBytes,
		MaxCost:            cfg.Bytes,
		BufferItems:        64,
		IgnoreInternalCost: true,
		Cost: func(k kept) int64 {
			size := k.size()
			c.waiting.Add(-size)
			return size
		},
	})
	if err != nil {
		return nil, fmt.Errorf("cache of consent strings: %w", err)
	}
	return c, nil
}

// Close ends the cache's goroutine; a second call does nothing. No other method
// may run meanwhile.
func (c *Cache) Close() error {
	if c != nil {
		c.kept.Close()
	}
	return nil
}

// Stats returns what the cache was asked for so far.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	return Stats{
		Hits: c.hits.Load(), Misses: c.misses.Load(),
		Bytes: c.kept.MaxCost() - c.kept.RemainingCost(),
	}
}

// TC returns the decoded TC string of text, which it does not keep. The error is
// a tcf.Error: the string cannot be read.
func (c *Cache) TC(text []byte) (*TC, error) {
	if len(text) > tcf.MaxLength {
		return nil, tcf.ErrLong
	}
	if c == nil {
		return newTC(bytes.Clone(text))
	}
	key := maphash.Bytes(c.tcSeed, text)
	if k, _ := c.kept.Get(key); k.tc.is(text) {
		c.hits.Add(1)
		return k.tc, nil
	}
	c.misses.Add(1)
	t, err := newTC(bytes.Clone(text))
	if err != nil {
		return nil, err
	}
	c.keep(key, kept{tc: t})
	return t, nil
}

// GPP returns the decoded GPP string of text, which it does not keep. The error
// is a gpp.Error, or a tcf.Error of section 2: the string cannot be read.
func (c *Cache) GPP(text []byte) (*GPP, error) {
	if len(text) > gpp.MaxLength {
		return nil, gpp.ErrLong
	}
	if c == nil {
		return newGPP(bytes.Clone(text))
	}
	key := maphash.Bytes(c.gppSeed, text)
	if k, _ := c.kept.Get(key); k.gpp.is(text) {
		c.hits.Add(1)
		return k.gpp, nil
	}
	c.misses.Add(1)
	g, err := newGPP(bytes.Clone(text))
	if err != nil {
		return nil, err
	}
	c.keep(key, kept{gpp: g})
	return g, nil
}

// keep hands an entry to the cache unless too much is waiting there: under a
// flood of new strings it is cheaper to decode than to queue.
func (c *Cache) keep(key uint64, k kept) {
	size := k.size()
	if c.waiting.Add(size) > maxWaiting {
		c.waiting.Add(-size)
		return
	}
	if !c.kept.Set(key, k, 0) {
		c.waiting.Add(-size)
	}
}
