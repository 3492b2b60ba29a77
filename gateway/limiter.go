package gateway

import (
	"net/netip"
	"sync"
	"time"
)

// network is what one client is told apart by: its IPv4 address, or the first
// 64 bits of its IPv6 address, since whoever has one of those has all of them.
func network(a netip.Addr) netip.Addr {
	a = a.Unmap().WithZone("")
	if !a.Is6() {
		return a
	}
	p, err := a.Prefix(64)
	if err != nil {
		return a
	}
	return p.Addr()
}

const (
	// maxBuckets bounds the addresses that are remembered, twice: new and old.
	maxBuckets = 32 << 10
	// crowd is how many clients those without an address count for: they all
	// come through a proxy that does not say whom it speaks for.
	crowd = 20
)

// limiter is a token bucket for each address: count a span at once, and again as
// the time passes. Its memory is bounded: the younger half takes the place of
// the older one when it is full, and at least once a span. What is forgotten so
// is full again anyway, unless there are more addresses than it holds.
type limiter struct {
	count float64
	span  time.Duration

	mu         sync.Mutex
	young, old map[netip.Addr]bucket
	turned     time.Time
}

type bucket struct {
	tokens float64
	at     time.Time
}

func newLimiter(count int, span time.Duration) *limiter {
	return &limiter{count: float64(count), span: span, young: map[netip.Addr]bucket{}}
}

// take takes a token, or returns how long it will be until there is one.
func (l *limiter) take(a netip.Addr, now time.Time) (wait time.Duration) {
	most := l.count
	if !a.IsValid() {
		most *= crowd
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.young) >= maxBuckets || now.Sub(l.turned) >= l.span {
		l.young, l.old, l.turned = map[netip.Addr]bucket{}, l.young, now
	}
	b, ok := l.young[a]
	if !ok {
		if b, ok = l.old[a]; !ok {
			b = bucket{most, now}
		}
	}
	perToken := time.Duration(float64(l.span) / most)
	if passed := now.Sub(b.at); passed > 0 {
		b.tokens = min(most, b.tokens+float64(passed)/float64(perToken))
	}
	b.at = now
	if b.tokens < 1 {
		wait = max(time.Millisecond, time.Duration((1-b.tokens)*float64(perToken)))
	} else {
		b.tokens--
	}
	l.young[a] = b
	return wait
}
