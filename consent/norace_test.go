//go:build !race

package consent

// step is how many cases of the largest tables are gone on at a time.
const step = 1
