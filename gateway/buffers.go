package gateway

import (
	"math/bits"
	"sync"
)

// Buffers of bodies are of sizes that are powers of two, from freeBytes to 256
// KiB, so that a small body never keeps a large buffer from the budget's sight.
const (
	leastClass = 13 // 8 KiB
	mostClass  = 18 // 256 KiB: a batch of some hundred events
)

// buffer is what a body is read into.
type buffer struct{ bytes []byte }

// buffers keeps buffers for other requests. Idle ones go with the next garbage
// collections.
type buffers struct {
	classes [mostClass - leastClass + 1]sync.Pool
}

// take returns an empty buffer that n bytes fit into.
func (b *buffers) take(n int) *buffer {
	class := max(leastClass, bits.Len(uint(max(n, 1)-1)))
	if class > mostClass {
		return &buffer{bytes: make([]byte, 0, n)}
	}
	if kept, ok := b.classes[class-leastClass].Get().(*buffer); ok {
		return kept
	}
	return &buffer{bytes: make([]byte, 0, 1<<class)}
}

// give takes a buffer back and forgets what is in it.
func (b *buffers) give(x *buffer) {
	clear(x.bytes)
	x.bytes = x.bytes[:0]
	if class := bits.Len(uint(cap(x.bytes) - 1)); class <= mostClass {
		b.classes[class-leastClass].Put(x)
	}
}
