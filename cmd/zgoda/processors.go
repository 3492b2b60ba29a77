package main

import (
	"os"
	"runtime"
)

// threadsBeside is how many threads run Go code beside one for each processor.
const threadsBeside = 2

// spread lets a few more threads run Go code than there are processors, which are the
// keyholder's and ClickHouse's too: while the kernel runs one of those in the place of a
// thread, everything that queues behind that thread stands still unless another takes it
// over (docs/decisions/0086). GOMAXPROCS goes before it.
func spread() {
	if os.Getenv("GOMAXPROCS") == "" {
		runtime.GOMAXPROCS(runtime.GOMAXPROCS(0) + threadsBeside)
	}
}
