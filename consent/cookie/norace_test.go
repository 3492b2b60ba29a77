//go:build !race

package cookie

// poolAllocs is what a pool may cost once it is warm.
const poolAllocs = 0
