package standstill

import (
	"slices"
	"sync"
	"time"
)

// Times of a board.
const (
	// Life is how long a lease lasts that is not renewed.
	Life = 30 * time.Second
	// Known is how long a gateway is waited for that is heard of no more.
	Known = 24 * time.Hour
	// Settle is how long after a start no lease is held: all gateways that are
	// there have been heard of by then.
	Settle = 3 * time.Second
	// Again is for how long after a lease the same gateway alone may take the next:
	// it goes from one part of its work to another.
	Again = time.Minute
)

// maxNodes bounds the memory; a gateway has one name for good.
const maxNodes = 1024

// MaxNames is how many gateways one caller speaks for: those of one machine's
// user, or the holder of a certificate. A further name takes the place of the one
// that was not heard of for longest, so that made-up names cannot fill the board.
const MaxNames = 16

// Board knows the gateways of one keyholder. It is safe for concurrent use.
type Board struct {
	now   func() time.Time
	began time.Time

	mu     sync.Mutex
	nodes  map[gateway]*node
	leader string
	turn   uint64 // counts the leases that were taken
	until  time.Time
	kept   *kept // nil: nothing is remembered
}

// gateway is one, as a caller names it: no other caller speaks for it.
type gateway struct{ by, name string }

type node struct {
	heard time.Time
	told  uint64 // the lease that it was last told of, plus one
	held  uint64 // the lease since which it holds, by its own word, plus one; 0: it does not
}

// New makes a board that forgets with the process; now is time.Now but in tests.
func New(now func() time.Time) *Board {
	return &Board{now: now, began: now(), nodes: make(map[gateway]*node)}
}

// Ready notes that a gateway is there and whether it holds, and says whether it
// is to hold for another. by is whose credential said so. A caller without a name
// is nobody's gateway.
func (b *Board) Ready(by, name string, held bool) (hold bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if name == "" {
		return false
	}
	g := gateway{by, name}
	_, known := b.nodes[g]
	n := b.note(g, held, now)
	b.keepLocked(!known && n != nil, now)
	hold = n != nil && name != b.leader && now.Before(b.until)
	if hold {
		n.told = b.turn + 1
	}
	return hold
}

// note takes a gateway's word. That it holds counts only if it knew of the lease
// when it said so, and with it of the keys that are in use.
func (b *Board) note(g gateway, held bool, now time.Time) *node {
	n := b.nodes[g]
	if n == nil {
		b.crowd(g.by)
		if len(b.nodes) >= maxNodes {
			b.forget(now)
		}
		if len(b.nodes) >= maxNodes {
			return nil
		}
		n = &node{}
		b.nodes[g] = n
	}
	n.heard = now
	n.held = 0
	if held && n.told == b.turn+1 {
		n.held = b.turn + 1
	}
	return n
}

// crowd makes room for one more gateway of a caller.
func (b *Board) crowd(by string) {
	var longest gateway
	names := 0
	for g, n := range b.nodes {
		if g.by != by {
			continue
		}
		if names == 0 || n.heard.Before(b.nodes[longest].heard) {
			longest = g
		}
		names++
	}
	if names >= MaxNames {
		delete(b.nodes, longest)
	}
}

// forget drops the gateways that nobody waits for any more.
func (b *Board) forget(now time.Time) {
	for g, n := range b.nodes {
		if now.Sub(n.heard) > Known {
			delete(b.nodes, g)
		}
	}
}

// Lease takes or renews the lease for a gateway, unless another has it. From then
// on every other gateway is told to hold; held is true once all do. It holds itself.
func (b *Board) Lease(name string) (held bool, until time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if b.leader != name && now.Before(b.until.Add(Again)) {
		return false, b.until
	}
	if b.leader != name || !now.Before(b.until) {
		b.leader = name
		b.turn++
	}
	b.until = now.Add(Life)
	return now.Sub(b.began) >= Settle && len(b.waitsLocked(now)) == 0, b.until
}

// Release gives the lease up: all go on.
func (b *Board) Release(name string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); b.leader == name && now.Before(b.until) {
		b.until = now
	}
}

// Waits are the gateways that a lease waits for, by name; none without a lease.
func (b *Board) Waits() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if now := b.now(); now.Before(b.until) {
		return b.waitsLocked(now)
	}
	return nil
}

func (b *Board) waitsLocked(now time.Time) (names []string) {
	for g, n := range b.nodes {
		if g.name != b.leader && now.Sub(n.heard) <= Known && n.held <= b.turn {
			names = append(names, g.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Nodes are the gateways that were heard of within a day, by name.
func (b *Board) Nodes() (names []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for g, n := range b.nodes {
		if b.now().Sub(n.heard) <= Known {
			names = append(names, g.name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}
