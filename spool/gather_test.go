package spool

import "testing"

// TestBothBuffersAreKept: while one group gathers the other is written, so two
// buffers are kept, the larger ones, and the largest is used first.
func TestBothBuffersAreKept(t *testing.T) {
	var g gather
	for _, size := range []int{100, 300, 50, 200, keepBuffer + 1} {
		g.giveBack(make([]byte, size))
	}
	for _, want := range []int{300, 200, 0} {
		if buf := g.spareLocked(); cap(buf) != want || len(buf) != 0 {
			t.Errorf("a buffer of %d bytes with %d in it, want %d and none", cap(buf), len(buf), want)
		}
	}
}
