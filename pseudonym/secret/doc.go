// Package secret holds key bytes that no print verb, logger or encoder shows.
// It is a leaf, so that the keyholder need not link a gateway's code for it.
package secret
