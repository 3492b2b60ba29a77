package load

import (
	"errors"
	"fmt"
	"time"
)

// Request is one prepared request. A source owns Bytes and may patch them while
// the request is not in flight.
type Request struct {
	Bytes  []byte // the whole request, headers and body
	Events int    // how many events it carries

	inFlight bool
}

// InFlight says whether the request is being sent or waits for its answer.
func (r *Request) InFlight() bool { return r.inFlight }

// Source prepares requests. Next returns one that is not in flight, stamped with
// now; it is called from one goroutine.
type Source interface {
	Next(now time.Time) *Request
}

// Config says what to send, where and how.
type Config struct {
	Address     string // host:port, an IP address
	Connections int
	Warm        time.Duration // sent first and not counted
	Duration    time.Duration // what is counted
	Rate        float64       // requests a second of an open loop; 0 is a closed loop
	Poisson     bool          // random instead of even arrivals of an open loop
	Retry       time.Duration // when an unanswered or refused (408, 429, 5xx) request is sent again; 0: never
	Grace       time.Duration // for what is in flight at the end
	Requests    int           // stop after so many; 0: when Duration is over
	Seed        uint64        // of random arrivals
}

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	refuse := func(bad bool, text string) {
		if bad {
			errs = append(errs, errors.New("load."+text))
		}
	}
	refuse(c.Address == "", "address: is missing")
	refuse(c.Connections < 1 || c.Connections > 4096, "connections: must be 1 to 4096")
	refuse(c.Duration <= 0, "duration: must be positive")
	refuse(c.Rate < 0, "rate: must not be negative")
	refuse(c.Poisson && c.Rate == 0, "poisson: needs a rate")
	refuse(c.Warm < 0 || c.Retry < 0 || c.Grace < 0 || c.Requests < 0, "warm, retry, grace, requests: must not be negative")
	return errors.Join(errs...)
}

// Result is what a load measured.
type Result struct {
	Elapsed    time.Duration
	Sent       int         // requests
	Accepted   int         // requests that were answered 2xx
	Events     int         // events in them
	Refused    map[int]int // answers of other classes, by status
	Broken     int         // connections that broke with a request in flight
	Resent     int         // requests sent again
	Unanswered int         // in flight or due when Grace was over
	Bytes      int64       // sent
	Latency    Latency     // of every answer, from when the request was due
	Lag        Latency     // how late an open loop itself noticed that a request was due
	Histogram  *Histogram  `json:"-"`
}

// PerSecond returns the accepted requests a second.
func (r Result) PerSecond() float64 { return float64(r.Accepted) / r.Elapsed.Seconds() }

// EventsPerSecond returns the accepted events a second.
func (r Result) EventsPerSecond() float64 { return float64(r.Events) / r.Elapsed.Seconds() }

// RefusedTotal returns how many answers were not 2xx.
func (r Result) RefusedTotal() (n int) {
	for _, count := range r.Refused {
		n += count
	}
	return n
}

func (r *Result) refuse(status int) {
	if r.Refused == nil {
		r.Refused = map[int]int{}
	}
	r.Refused[status]++
}

// String is one line for people.
func (r Result) String() string {
	return fmt.Sprintf("%.0f requests/s, %.0f events/s, p50 %v, p99 %v, p99.9 %v, max %v, %d refused, %d broken, %d unanswered",
		r.PerSecond(), r.EventsPerSecond(), r.Latency.P50, r.Latency.P99, r.Latency.P999, r.Latency.Max,
		r.RefusedTotal(), r.Broken, r.Unanswered)
}
