package access

import (
	"sync"
	"time"

	"zgoda/pseudonym/role"
)

// bucket lets through so much at once, and so much more each second.
type bucket struct {
	left float64
	at   time.Time
}

// buckets are one for each caller. Callers are few: users of sockets and names
// in certificates that we signed; those that have rested are left out.
type buckets struct {
	burst, rate float64 // rate: each second

	mu sync.Mutex
	of map[role.Caller]*bucket
}

// maxCallers bounds the memory of buckets.
const maxCallers = 4096

func newBuckets(burst, rate float64) *buckets {
	return &buckets{burst: burst, rate: rate, of: make(map[role.Caller]*bucket)}
}

// take takes n, or nothing and says false.
func (b *buckets) take(who role.Caller, n float64, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	one := b.of[who]
	if one == nil {
		if len(b.of) >= maxCallers {
			b.forget(now)
		}
		one = &bucket{left: b.burst, at: now}
		b.of[who] = one
	}
	if passed := now.Sub(one.at).Seconds(); passed > 0 { // a clock that went back gives nothing
		one.left = min(b.burst, one.left+passed*b.rate)
		one.at = now
	}
	if n > one.left {
		return false
	}
	one.left -= n
	return true
}

// forget leaves out those that are full again.
func (b *buckets) forget(now time.Time) {
	for who, one := range b.of {
		if one.left+now.Sub(one.at).Seconds()*b.rate >= b.burst {
			delete(b.of, who)
		}
	}
}
