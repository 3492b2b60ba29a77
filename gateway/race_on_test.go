//go:build race

package gateway

// hotAllocs is what one request may cost: under the race detector pools drop
// what they are given at random, and it is made again.
const hotAllocs = 8
