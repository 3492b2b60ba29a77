package main

import (
	"os"
	"runtime/debug"

	"zgoda/subjects"
)

// What the heap may grow to before the collector works harder: so much for
// everything, and so much again for those whom the cache may hold.
const roomBeside = 288 << 20

// boundMemory makes the collector keep the heap within what the settings come
// to. It is a soft bound: a full queue may go beyond. GOMEMLIMIT goes before it.
func boundMemory(cached int64) {
	if os.Getenv("GOMEMLIMIT") == "" {
		debug.SetMemoryLimit(roomBeside + cached*subjects.EntryBytes)
	}
}
