package decoded

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"math/bits"
	"sync/atomic"

	"zgoda/consent/gpp"
	"zgoda/consent/tcf"
)

// Cache keeps decoded strings. Its methods may be called from many goroutines.
// A nil Cache keeps nothing and decodes every time.
type Cache struct {
	sets []set // a power of two of them
	// The hashes are seeded apart, so that nobody outside can make two strings
	// meet and a GPP string never meets a TC string of the same text.
	tcSeed, gppSeed maphash.Seed
	hits, misses    atomic.Uint64
	bytes           atomic.Int64
}

// Stats counts what a Cache was asked for.
type Stats struct {
	Hits, Misses uint64 // Misses counts strings that cannot be read, too
	Bytes        int64  // what is kept now
}

// New returns an empty cache.
func New(cfg Config) (*Cache, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("cache of consent strings: %w", err)
	}
	n := 1 << (bits.Len64(uint64(cfg.Bytes/setBytes)) - 1)
	c := &Cache{sets: make([]set, n), tcSeed: maphash.MakeSeed(), gppSeed: maphash.MakeSeed()}
	for i := range c.sets {
		c.sets[i].room = cfg.Bytes / int64(n)
	}
	return c, nil
}

// Close does nothing: whoever made a cache need not know that it holds nothing
// but memory.
func (c *Cache) Close() error { return nil }

// Stats returns what the cache was asked for so far.
func (c *Cache) Stats() Stats {
	if c == nil {
		return Stats{}
	}
	return Stats{Hits: c.hits.Load(), Misses: c.misses.Load(), Bytes: c.bytes.Load()}
}

// set returns the one set in which a string of the key can be.
func (c *Cache) set(key uint64) *set { return &c.sets[key>>wayBits&uint64(len(c.sets)-1)] }

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
	if e := c.set(key).find(key); e != nil && e.tc.is(text) {
		e.ask()
		c.hits.Add(1)
		return e.tc, nil
	}
	c.misses.Add(1)
	t, err := newTC(bytes.Clone(text))
	if err != nil {
		return nil, err
	}
	c.keep(&entry{key: key, tc: t, size: t.size()})
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
	if e := c.set(key).find(key); e != nil && e.gpp.is(text) {
		e.ask()
		c.hits.Add(1)
		return e.gpp, nil
	}
	c.misses.Add(1)
	g, err := newGPP(bytes.Clone(text))
	if err != nil {
		return nil, err
	}
	c.keep(&entry{key: key, gpp: g, size: g.size()})
	return g, nil
}

// keep puts an entry into its set, if others give way there.
func (c *Cache) keep(e *entry) { c.bytes.Add(c.set(e.key).put(e)) }
