// Package child starts a test binary once more, in a process of its own, as the
// program whose main it holds. No child outlives its test.
package child
