package enrich

import (
	"fmt"

	"github.com/dgraph-io/ristretto/v2"
)

const (
	// countersPerAgent tell the user agents that people use from those that come
	// once, so that a flood of new ones drives nothing out that is asked for.
	countersPerAgent = 8
	// hitsTogether are handed to the goroutine that counts them, in a buffer of
	// their own: eight octets a hit. With the usual 64 that goroutine is woken so
	// often that a hit costs another 150 ns.
	hitsTogether = 512
)

// newKept returns a cache of the given number of families, by the hash of a user
// agent. What is put in can be got a moment later: until then a user agent is
// read again, which gives the same families. It runs goroutines until Close.
func newKept(entries int) (*ristretto.Cache[uint64, Families], error) {
	kept, err := ristretto.NewCache(&ristretto.Config[uint64, Families]{
		NumCounters: countersPerAgent * int64(entries),
		MaxCost:     int64(entries), // each costs one
		BufferItems: hitsTogether,
		// The cost is a number of user agents, not of octets.
		IgnoreInternalCost: true,
	})
	if err != nil {
		return nil, fmt.Errorf("make the cache of families: %w", err)
	}
	return kept, nil
}

// size returns how many families are kept.
func (a *agents) size() int64 { return a.kept.MaxCost() - a.kept.RemainingCost() }
