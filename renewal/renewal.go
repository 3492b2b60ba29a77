package renewal

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// store finds grants; control.Store is one.
type store interface {
	Lapsing(ctx context.Context, site event.SiteID, purpose event.PurposeID, given, until time.Time, after event.Handle, limit int) ([]control.Grant, error)
	Expired(ctx context.Context, site event.SiteID, purpose event.PurposeID, after event.Handle, limit int) ([]control.Grant, error)
	DropLinksBefore(ctx context.Context, at time.Time) error
}

// people write what is over; subjects.Set is one.
type people interface {
	Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error)
}

// Deps are the parts of the job. Registerer may be nil.
type Deps struct {
	Store      store
	People     people
	Policies   []*consent.Policy
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time // time.Now, unless a test has another
}

// Every is how often Run looks, and step how many grants it handles at once.
const (
	Every = 24 * time.Hour
	retry = 10 * time.Minute
	step  = 256
)

// Job is the daily look at grants. Make one with New.
type Job struct {
	deps    Deps
	expired prometheus.Counter
}

// New makes a job.
func New(deps Deps) (*Job, error) {
	if deps.Store == nil || deps.People == nil || deps.Logger == nil {
		return nil, errors.New("renewal: a part is missing")
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	j := &Job{deps: deps, expired: prometheus.NewCounter(prometheus.CounterOpts{
		Name: "zgoda_renewal_expired_total", Help: "Grants that this node noted as expired in the ledger.",
	})}
	if deps.Registerer != nil {
		if err := deps.Registerer.Register(j.expired); err != nil {
			return nil, fmt.Errorf("register the metrics of renewals: %w", err)
		}
	}
	return j, nil
}

// Run looks at once, and then daily, until ctx ends.
func (j *Job) Run(ctx context.Context) error {
	for {
		wait := Every
		if _, err := j.Once(ctx); err != nil && ctx.Err() == nil {
			j.deps.Logger.Warn("not every expired grant could be noted; it is tried again", "err", err)
			wait = retry
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// Once notes every grant whose time is over and says how many there were. It
// forgets links to confirm that expired a month ago.
func (j *Job) Once(ctx context.Context) (int, error) {
	now := j.deps.Now().UTC()
	total := 0
	for _, policy := range j.deps.Policies {
		for i := range policy.Purposes {
			n, err := j.purpose(ctx, policy.Site, &policy.Purposes[i], now)
			total += n
			if err != nil {
				return total, err
			}
		}
	}
	return total, j.deps.Store.DropLinksBefore(ctx, now.AddDate(0, -1, 0))
}

func (j *Job) purpose(ctx context.Context, site event.SiteID, p *consent.Purpose, now time.Time) (int, error) {
	total := 0
	err := j.each(ctx, site, p, now, func(over []control.Grant) error {
		entries := make([]ledger.Entry, 0, len(over))
		for _, g := range over {
			entries = append(entries, ledger.Entry{
				Site: site, Subject: g.Subject, Purpose: p.ID, PurposeVersion: g.Version, State: ledger.StateExpired, Type: ledger.EventImplied,
				Channel: ledger.ChannelClock, Actor: "clock", At: now, Ends: g.Sequence,
				Key: fmt.Sprintf("expired %s %s %d", hex.EncodeToString(g.Subject[:]), p.ID, g.Sequence),
			})
		}
		if _, err := j.deps.People.Write(ctx, entries...); err != nil {
			return err
		}
		total += len(entries)
		j.expired.Add(float64(len(entries)))
		return nil
	})
	return total, err
}

// each hands over the grants of a purpose whose time is over on the day of at.
func (j *Job) each(ctx context.Context, site event.SiteID, p *consent.Purpose, at time.Time, do func([]control.Grant) error) error {
	var given time.Time
	if p.Renew != (consent.Retention{}) {
		// Months differ in length: what is a little too young is looked at below.
		given = at.AddDate(0, -p.Renew.Months, 4-p.Renew.Days)
	}
	// The day that an end falls on is over as a whole, as decisions have it.
	until := consent.DayOf(at).Time().AddDate(0, 0, 1).Add(-time.Microsecond)
	var after event.Handle
	for {
		found, err := j.deps.Store.Lapsing(ctx, site, p.ID, given, until, after, step)
		if err != nil || len(found) == 0 {
			return err
		}
		after = found[len(found)-1].Subject
		over := found[:0]
		for _, g := range found {
			if end := End(p, g); end != 0 && consent.DayOf(at) >= end {
				over = append(over, g)
			}
		}
		if len(over) == 0 {
			continue
		}
		if err := do(over); err != nil {
			return err
		}
	}
}

// End is the first day on which a grant does not count any more; zero: it has none.
func End(p *consent.Purpose, g control.Grant) consent.Day {
	var own consent.Day
	if !g.Until.IsZero() {
		own = consent.DayOf(g.Until)
	}
	return p.Until(consent.DayOf(g.Given), own, g.Minority)
}

// Ask is somebody to ask again.
type Ask struct {
	Subject event.Handle
	Purpose event.PurposeID
	Expired bool      // already; else soon
	At      time.Time // when it was noted as expired, or when it ends
}

// List hands over whom to ask again: whose grant is noted as expired and was
// neither renewed nor refused since, and whose grant ends within the time ahead.
// Whoever is restricted or erased is asked nothing.
func (j *Job) List(ctx context.Context, policy *consent.Policy, ahead time.Duration, do func(Ask) error) error {
	for i := range policy.Purposes {
		p := &policy.Purposes[i]
		var after event.Handle
		for {
			found, err := j.deps.Store.Expired(ctx, policy.Site, p.ID, after, step)
			if err != nil {
				return err
			}
			for _, g := range found {
				after = g.Subject
				if g.Standing != consent.StateActive {
					continue
				}
				if err := do(Ask{Subject: g.Subject, Purpose: p.ID, Expired: true, At: g.Given}); err != nil {
					return err
				}
			}
			if len(found) < step {
				break
			}
		}
		err := j.each(ctx, policy.Site, p, j.deps.Now().UTC().Add(ahead), func(soon []control.Grant) error {
			for _, g := range soon {
				if g.Standing != consent.StateActive {
					continue
				}
				if err := do(Ask{Subject: g.Subject, Purpose: p.ID, At: End(p, g).Time()}); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}
