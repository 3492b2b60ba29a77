package rotation

import "time"

// Seen notes that a gateway was heard of by a caller's credential, and whether its
// writer holds; hold says whether it has to (package standstill).
func (r *Rotator) Seen(by, name string, held bool) (hold bool) { return r.board.Ready(by, name, held) }

// Lease asks for the lease. It is held from when every other gateway that was
// heard of says that its writer holds; until then they are told to, and the
// asker asks again. release gives it up.
func (r *Rotator) Lease(name string, release bool) (held bool, until time.Time) {
	if release {
		r.board.Release(name)
		return false, time.Time{}
	}
	return r.board.Lease(name)
}

// Nodes returns the gateways that were heard of within a day.
func (r *Rotator) Nodes() []string { return r.board.Nodes() }
