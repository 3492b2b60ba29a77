// Package kektest is what every provider of a key-encryption key must do, as a
// suite of tests, and the far ends that stand in for clouds: servers of our own
// that speak a provider's documented interface to its real client.
package kektest
