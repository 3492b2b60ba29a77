package load

import (
	"context"
	"math/rand/v2"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// Run sends the load and returns when it is over or ctx ends. measuring is
// called when the warm-up is over and counting begins; it may be nil.
func Run(ctx context.Context, c Config, source Source, measuring func()) (Result, error) {
	if err := c.Validate(); err != nil {
		return Result{}, err
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	l := &loop{config: c, source: source, measuring: measuring, conns: make([]conn, c.Connections), result: Result{Histogram: &Histogram{}}}
	if c.Rate > 0 {
		var random *rand.Rand
		if c.Poisson {
			random = rand.New(rand.NewPCG(c.Seed, 1)) //nolint:gosec // a load, not a secret
		}
		l.schedule = newSchedule(c.Rate, random)
		l.nextDue = l.schedule.next()
	}
	var err error
	if l.poll, err = newPoller(); err != nil {
		return Result{}, err
	}
	defer l.close()
	for i := range l.conns {
		if err := l.connect(i); err != nil {
			return Result{}, err
		}
	}
	err = l.run(ctx)
	return l.summary(), err
}

// loop is a load under way. Times are since its start.
type loop struct {
	config    Config
	source    Source
	measuring func()
	poll      *poller
	conns     []conn
	idle      queue[int32]         // connections
	waiting   queue[time.Duration] // due times of an open loop without a connection yet
	again     queue[resend]

	start    time.Time
	schedule *schedule     // nil: a closed loop
	nextDue  time.Duration // of the schedule
	issued   int
	inFlight int
	last     time.Duration // when the last counted answer came

	result Result
	lag    Histogram
}

// resend is a request that is to be sent again.
type resend struct {
	req            *Request
	due, notBefore time.Duration
}

func (l *loop) close() {
	for i := range l.conns {
		if l.conns[i].fd > 0 {
			_ = unix.Close(l.conns[i].fd)
		}
	}
	l.poll.close()
}

func (l *loop) now() time.Duration { return time.Since(l.start) }

// end is when the last request is due.
func (l *loop) end() time.Duration { return l.config.Warm + l.config.Duration }

func (l *loop) run(ctx context.Context) error {
	l.start = time.Now()
	told := false
	for {
		now := l.now()
		if !told && now >= l.config.Warm {
			told = true
			if l.measuring != nil {
				l.measuring()
			}
		}
		if err := l.dispatch(now); err != nil {
			return err
		}
		if l.over(now) || ctx.Err() != nil {
			return ctx.Err()
		}
		if err := l.turn(now); err != nil {
			return err
		}
	}
}

// over says whether nothing is left to be sent or waited for.
func (l *loop) over(now time.Duration) bool {
	if !l.finished(now) {
		return false
	}
	left := l.inFlight + l.waiting.len() + l.again.len()
	return left == 0 || now >= l.end()+l.config.Grace
}

// finished says whether no new request will become due.
func (l *loop) finished(now time.Duration) bool {
	if l.config.Requests > 0 && l.issued >= l.config.Requests {
		return true
	}
	if l.schedule != nil {
		return l.nextDue >= l.end()
	}
	return now >= l.end()
}

// turn waits for something to happen and handles it.
func (l *loop) turn(now time.Duration) error {
	if at, ok := l.alarm(); ok {
		if err := l.poll.wake(at - now); err != nil {
			return err
		}
	}
	events, err := l.poll.wait()
	if err != nil {
		return err
	}
	for _, e := range events {
		if e.Fd == timerMark {
			l.poll.rang()
			if err := l.dispatch(l.now()); err != nil {
				return err
			}
			continue
		}
		if err := l.handle(int(e.Fd), e.Events); err != nil {
			return err
		}
	}
	return nil
}

// alarm is the next time at which something becomes due.
func (l *loop) alarm() (at time.Duration, ok bool) {
	if l.schedule != nil && l.nextDue < l.end() {
		at, ok = l.nextDue, true
	}
	if l.again.len() > 0 && l.idle.len() > 0 && (!ok || l.again.front().notBefore < at) {
		at, ok = l.again.front().notBefore, true
	}
	return at, ok
}

func (l *loop) summary() Result {
	r := l.result
	r.Elapsed = max(l.last, l.end()) - l.config.Warm
	if l.config.Requests > 0 {
		r.Elapsed = l.last - l.config.Warm
	}
	r.Unanswered += l.inFlight + l.waiting.len() + l.again.len()
	l.lose()
	r.Latency, r.Lag = r.Histogram.Latency(), l.lag.Latency()
	return r
}

// lose counts what was never answered with the time that it has waited, so that
// a stall at the end is not forgotten.
func (l *loop) lose() {
	now := l.now()
	for i := range l.conns {
		if l.conns[i].req != nil {
			l.result.Histogram.Record(now - l.conns[i].due)
		}
	}
	for l.waiting.len() > 0 {
		l.result.Histogram.Record(now - l.waiting.pop())
	}
	for l.again.len() > 0 {
		l.result.Histogram.Record(now - l.again.pop().due)
	}
}
