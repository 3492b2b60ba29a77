//go:build !race

package gateway

// hotAllocs is what one request may cost: three are the fake collector's notes.
const hotAllocs = 3
