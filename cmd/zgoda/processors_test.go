package main

import (
	"runtime"
	"testing"
)

func TestSpread(t *testing.T) {
	before := runtime.GOMAXPROCS(0)
	t.Cleanup(func() { runtime.GOMAXPROCS(before) })
	t.Setenv("GOMAXPROCS", "")
	spread()
	if got := runtime.GOMAXPROCS(0); got != before+threadsBeside {
		t.Errorf("%d threads", got)
	}
	runtime.GOMAXPROCS(before)
	t.Setenv("GOMAXPROCS", "1")
	spread()
	if got := runtime.GOMAXPROCS(0); got != before {
		t.Errorf("what the environment says is overruled: %d threads", got)
	}
}
