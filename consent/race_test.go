//go:build race

package consent

// The race detector makes each case tens of times slower, and there are no
// goroutines here to race.
const step = 29
