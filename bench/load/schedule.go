package load

import (
	"math"
	"math/rand/v2"
	"time"
)

// schedule says when requests are due, as time since the load's begin. The n-th
// time is computed from n or from the last one, never from the clock, so that a
// late sender does not lower the rate.
type schedule struct {
	gap    float64 // nanoseconds between two requests, on average
	random *rand.Rand
	at     float64
}

// newSchedule makes requests due at rate a second: evenly, or, with random, as
// the arrivals of a Poisson process.
func newSchedule(rate float64, random *rand.Rand) *schedule {
	return &schedule{gap: float64(time.Second) / rate, random: random}
}

// next returns when the next request is due.
func (s *schedule) next() time.Duration {
	due := time.Duration(s.at)
	if s.random == nil {
		s.at += s.gap
	} else {
		s.at -= s.gap * math.Log(1-s.random.Float64())
	}
	return due
}
