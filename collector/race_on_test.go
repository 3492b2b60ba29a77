//go:build race

package collector

// raceEnabled: the race detector allocates on its own.
const raceEnabled = true
