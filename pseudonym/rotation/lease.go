package rotation

import (
	"sync"
	"time"
)

const (
	// LeaseTime is how long a gateway may rewrite before it has to ask again.
	LeaseTime = 30 * time.Second
	// NodeTime is how long a gateway that was heard of is waited for.
	NodeTime = 24 * time.Hour
)

// leases let one gateway at a time rewrite what is stored, while the writers of
// all others hold.
type leases struct {
	mu     sync.Mutex
	nodes  map[string]node
	holder string
	until  time.Time
}

type node struct {
	seen time.Time
	held bool // its writer holds
}

// Seen notes that a gateway was heard of, and whether its writer holds; hold
// says whether it has to.
func (r *Rotator) Seen(name string, held bool) (hold bool) {
	l, now := &r.leases, r.deps.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if name == "" {
		return false
	}
	if l.nodes == nil {
		l.nodes = make(map[string]node)
	}
	for other, n := range l.nodes {
		if now.Sub(n.seen) > NodeTime {
			delete(l.nodes, other)
		}
	}
	if _, known := l.nodes[name]; known || len(l.nodes) < maxNodes {
		l.nodes[name] = node{seen: now, held: held}
	}
	return l.holder != "" && l.holder != name && now.Before(l.until)
}

// maxNodes bounds what callers can make us keep.
const maxNodes = 256

// Lease asks for the lease. It is held from when every other gateway that was
// heard of says that its writer holds; until then they are told to, and the
// asker asks again. release gives it up.
func (r *Rotator) Lease(name string, release bool) (held bool, until time.Time) {
	l, now := &r.leases, r.deps.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.holder != "" && l.holder != name && now.Before(l.until) {
		return false, l.until
	}
	if release {
		if l.holder == name {
			l.holder = ""
		}
		return false, time.Time{}
	}
	if l.holder != name || !now.Before(l.until) {
		for other, n := range l.nodes { // they have to say it once more
			n.held = false
			l.nodes[other] = n
		}
	}
	l.holder, l.until = name, now.Add(LeaseTime)
	for other, n := range l.nodes {
		if other != name && !n.held {
			return false, l.until
		}
	}
	return true, l.until
}

// Nodes returns the gateways that were heard of within a day.
func (r *Rotator) Nodes() []string {
	l := &r.leases
	l.mu.Lock()
	defer l.mu.Unlock()
	var names []string
	for name, n := range l.nodes {
		if r.deps.Now().Sub(n.seen) <= NodeTime {
			names = append(names, name)
		}
	}
	return names
}
