package erasing

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"zgoda/pseudonym"
)

// classOf says what a failure is, in words that are shown beside a request. It never
// repeats what a store or a server said. Of several servers it names the one that is
// waited for.
func classOf(err error) string {
	var replica interface{ Where() string }
	var plain interface{ Why() string }
	switch {
	case errors.As(err, &plain):
		return plain.Why()
	case errors.As(err, &replica) && isAway(err):
		return "waiting: replica " + replica.Where()
	case errors.As(err, &replica):
		return "replica " + replica.Where() + ": " + plainClass(err)
	}
	return plainClass(err)
}

func plainClass(err error) string {
	var store interface{ Class() string }
	switch {
	case errors.Is(err, errLeft):
		return "rows were left, and are looked for again"
	case errors.Is(err, errCase):
		return errCase.Error()
	case errors.Is(err, pseudonym.ErrAway):
		return "the keyholder is away"
	case errors.As(err, &store) && isAway(err) && store.Class() == rekeying:
		return "rows are being rewritten under new pseudonyms"
	case errors.As(err, &store) && isAway(err):
		return "ClickHouse is away"
	case errors.As(err, &store):
		return "ClickHouse refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	default:
		return "it did not work, as the log says"
	}
}

// rekeying is the class of a failure because a key is being rotated.
const rekeying = "rekeying"

// passing are the classes of a store's failures that pass by themselves: it cannot be
// reached, has lost whom it needs to write, is to merge first, or rewrites rows.
var passing = []string{"unreachable", "read_only", "parts", rekeying}

// isAway says whether a failure is that ClickHouse or the keyholder is away, takes no
// more for now, or rewrites rows under a new key. That passes without anybody, and is no try: an outage of a night
// is not to leave each erasure for somebody to begin again. What else is joined to it
// is something wrong.
func isAway(err error) bool {
	if errors.Is(err, errLeft) || errors.Is(err, errCase) {
		return false
	}
	if errors.Is(err, pseudonym.ErrAway) {
		return true
	}
	var store interface{ Class() string }
	return errors.As(err, &store) && slices.Contains(passing, store.Class())
}

// away counts a failure of something that is away, and says when it is tried again.
func (e *Eraser) away(part string) time.Time {
	e.mu.Lock()
	e.outages[part]++
	n := e.outages[part]
	e.mu.Unlock()
	return e.now().Add(e.backoff(n))
}

// back notes that nothing is away any more that a part needs.
func (e *Eraser) back(part string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.outages, part)
}

// backoff is the wait after so many failures.
func (e *Eraser) backoff(attempts int) time.Duration {
	wait := e.cfg.First
	for range attempts - 1 {
		if wait *= 2; wait >= e.cfg.Most {
			wait = e.cfg.Most
			break
		}
	}
	return wait/2 + rand.N(wait/2+1) //nolint:gosec // spreads tries
}
