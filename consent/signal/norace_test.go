//go:build !race

package signal

// poolAllocs is what a pool may cost once it is warm.
const poolAllocs = 0
