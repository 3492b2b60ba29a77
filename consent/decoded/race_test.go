//go:build race

package decoded

// poolAllocs is what a pool may cost: under the race detector it drops at random.
const poolAllocs = 8

// leastKept is how many of twenty strings must stay in a flood: without what its
// pools drop, the cache does not learn what is asked for often.
const leastKept = 0
