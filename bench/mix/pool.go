package mix

import (
	"math/rand/v2"
	"time"

	"zgoda/bench/load"
)

// poolBytes bounds the memory of a pool's requests.
const poolBytes = 24 << 20

// Pool is the prepared requests of one load. It is for one goroutine.
type Pool struct {
	requests []load.Request
	slots    [][]slot
	next     int
	drawer   *drawer
	stamp    stamp
	message  uint64 // of the last event
}

// NewPool writes the requests: as many as fit into poolBytes, but at least
// inFlight+1, since one that waits for its answer cannot be written over.
func NewPool(c Config, inFlight int) (*Pool, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	p := &Pool{drawer: newDrawer(c), message: c.Run << 40}
	r := rand.New(rand.NewPCG(uint64(c.Batch), 3)) //nolint:gosec // a load, not a secret
	for size := 0; len(p.requests) <= inFlight || (size < poolBytes && len(p.requests) < 1<<14); {
		d := newRequest(r, c, len(p.requests))
		p.requests = append(p.requests, load.Request{Bytes: d.text, Events: c.Batch})
		p.slots = append(p.slots, d.slots)
		size += len(d.text)
	}
	r.Shuffle(len(p.requests), func(i, j int) {
		p.requests[i], p.requests[j] = p.requests[j], p.requests[i]
		p.slots[i], p.slots[j] = p.slots[j], p.slots[i]
	})
	return p, nil
}

// newRequest writes the n-th request. Of single events the share of identify
// calls is exact, not drawn.
func newRequest(r *rand.Rand, c Config, n int) draft {
	if c.Batch > 1 || int(float64(n+1)*c.Identify) > int(float64(n)*c.Identify) {
		return serverRequest(r, c)
	}
	return browserRequest(r, c)
}

// Next returns the next request that is not in flight, with visitors, message
// ids and times that are its own.
func (p *Pool) Next(now time.Time) *load.Request {
	for p.requests[p.next].InFlight() {
		p.next = (p.next + 1) % len(p.requests)
	}
	req, slots := &p.requests[p.next], p.slots[p.next]
	p.next = (p.next + 1) % len(p.requests)
	p.stamp.set(now)
	for i := range slots {
		p.message++
		visitor := p.drawer.visitor(slots[i].user)
		for _, at := range slots[i].places {
			p.write(req.Bytes[at.at:], at.what, visitor)
		}
	}
	return req
}

func (p *Pool) write(dst []byte, w what, visitor uint64) {
	switch w {
	case visitorID:
		putUUID(dst, kindVisitor, visitor)
	case userID:
		putUser(dst, visitor)
	case messageID:
		putUUID(dst, kindMessage, p.message)
	case milliseconds:
		copy(dst, p.stamp.digit[:])
	case timestamp:
		copy(dst, p.stamp.text[:])
	}
}

// EventBytes returns how many bytes of body an event has, on average.
func (p *Pool) EventBytes() int {
	var size, events int
	for i := range p.requests {
		size += len(p.requests[i].Bytes)
		events += p.requests[i].Events
	}
	return size / events
}
