//go:build race

package cookie

// poolAllocs is what a pool may cost: under the race detector it drops at random.
const poolAllocs = 8
