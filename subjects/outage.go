package subjects

import (
	"context"
	"errors"
	"sync/atomic"
	"time"
)

// outage is since when the control store has failed whoever asked it. It does not
// ask by itself: after a while without anybody who asks, nothing is known.
type outage struct {
	since, last atomic.Int64 // moments of hearing.now; since 0: it answers
}

// recent is for how long a failure says that the store is away.
const recent = 15 * time.Second

// tell notes what became of a question at that moment. One that was given up by
// who asked says nothing.
func (o *outage) tell(err error, now int64) {
	switch {
	case err == nil:
		if o.since.Load() != 0 {
			o.since.Store(0)
		}
	case errors.Is(err, context.Canceled):
	default:
		if o.since.Load() == 0 || now-o.last.Load() > int64(recent) {
			o.since.Store(now)
		}
		o.last.Store(now)
	}
}

// age returns for how long the store has been away, 0 when it is not.
func (o *outage) age(now int64) time.Duration {
	since := o.since.Load()
	if since == 0 || now-o.last.Load() > int64(recent) {
		return 0
	}
	return time.Duration(max(0, now-since))
}

// controlAway is how long the control store has not been heard of, or has failed
// whoever asked it: the longer of both.
func (s *Set) controlAway() time.Duration {
	return max(s.Away(), s.outage.age(s.hearing.now()))
}
