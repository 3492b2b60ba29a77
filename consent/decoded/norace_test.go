//go:build !race

package decoded

// poolAllocs is what a pool may cost once it is warm.
const poolAllocs = 0

// leastKept is how many of twenty strings must stay in a flood.
const leastKept = 15
