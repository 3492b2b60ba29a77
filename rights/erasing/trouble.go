package erasing

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"zgoda/pseudonym"
)

// classOf says what a failure is, in words that are shown beside a request. It never
// repeats what a store or a server said.
func classOf(err error) string {
	var store interface{ Transient() bool }
	switch {
	case errors.Is(err, errLeft):
		return "rows were left, and are looked for again"
	case errors.Is(err, errCase):
		return errCase.Error()
	case errors.Is(err, pseudonym.ErrAway):
		return "the keyholder is away"
	case errors.As(err, &store) && store.Transient():
		return "ClickHouse is away"
	case errors.As(err, &store):
		return "ClickHouse refused"
	case errors.Is(err, context.DeadlineExceeded):
		return "it took too long"
	default:
		return "it did not work, as the log says"
	}
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
