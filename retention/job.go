package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/activity/erase"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/rights"
)

// store keeps what runs did; control.Store is one.
type store interface {
	Stamps(ctx context.Context) ([]control.Stamp, error)
	PutStamps(ctx context.Context, stamps []control.Stamp) error
	AddRetentionRun(ctx context.Context, at time.Time, report []byte) error
	LastRetentionRun(ctx context.Context) (at time.Time, report []byte, found bool, err error)
	WhyKept(ctx context.Context, sites []event.SiteID, handles []event.Handle, at time.Time) (map[event.Handle]string, error)
}

// rows are what is stored in ClickHouse; activity.Store is one.
type rows interface {
	Restamp(ctx context.Context, site event.SiteID, rules []erase.Stamp) (mutation string, err error)
	Unmark(ctx context.Context, site event.SiteID, rules []erase.Stamp, now time.Time) (mutation string, rows uint64, err error)
	PastRetention(ctx context.Context, site event.SiteID) (rows uint64, oldest time.Time, err error)
}

// keys know when contacts were last seen; pseudonym.Rights is one.
type keys interface {
	Idle(ctx context.Context, before, limit uint32, yield func(pseudonym.IdleName) error) error
	OpenCases(ctx context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error)
	CloseCases(ctx context.Context, ids [][16]byte) error
}

// requests have people erased; rights.Service does.
type requests interface {
	OpenMany(ctx context.Context, list []rights.Opening) ([]rights.Opened, error)
}

// Purpose is a purpose that rows rest on.
type Purpose struct {
	ID        event.PurposeID
	Bit       uint8
	Scope     event.Scope // of those rows
	Retention consent.Retention
}

// Site is a site with its purposes.
type Site struct {
	ID       event.SiteID
	Purposes []Purpose // those that rows rest on
	Noted    []Purpose // all that are noted on rows
}

// Config are the settings.
type Config struct {
	Every time.Duration     // from one run to the next
	Look  time.Duration     // how often is looked whether one is due
	Again time.Duration     // after a run that failed
	Idle  consent.Retention // contacts go so long after they were last seen
	Most  int               // contacts in one run
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Every: 24 * time.Hour, Look: time.Minute, Again: 10 * time.Minute, Idle: consent.Retention{Months: 12}, Most: 100_000}
}

// Deps are the parts. All but Aside, Replicas, Lead, Now, Logger and Registerer are required.
type Deps struct {
	Store    store
	Rows     rows
	Keys     keys
	Requests requests
	Counts   counts
	Sites    []Site
	// Aside says in words which files hold what nobody can tell whose it is; nil:
	// nothing looks.
	Aside func() []string
	// Replicas says in words what is wrong with the servers that hold copies of the
	// rows; nil: nothing looks.
	Replicas func(ctx context.Context) []string
	// Lead says whether this node runs, of those that share a store; nil: it does.
	Lead       func(ctx context.Context) (bool, error)
	Now        func() time.Time // nil: the clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Job runs. Make one with New.
type Job struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	running sync.Mutex // one run at a time
	wake    chan struct{}
}

// New makes a job that does nothing yet.
func New(cfg Config, deps Deps) (*Job, error) {
	if cfg.Every <= 0 || cfg.Look <= 0 || cfg.Again <= 0 || cfg.Most < 1 || cfg.Idle.Months < 0 || cfg.Idle.Days < 0 || cfg.Idle == (consent.Retention{}) {
		return nil, errors.New("retention: a setting is missing or out of its bounds")
	}
	if deps.Store == nil || deps.Rows == nil || deps.Keys == nil || deps.Requests == nil || deps.Counts == nil {
		return nil, errors.New("retention: a part is missing")
	}
	j := &Job{cfg: cfg, deps: deps, log: deps.Logger, metrics: newMetrics(), wake: make(chan struct{}, 1)}
	if j.log == nil {
		j.log = slog.New(slog.DiscardHandler)
	}
	if j.deps.Now == nil {
		j.deps.Now = time.Now
	}
	return j, j.metrics.register(deps.Registerer)
}

func (j *Job) now() time.Time { return j.deps.Now().UTC().Truncate(time.Microsecond) }

// Run makes a run when one is due, until ctx ends.
func (j *Job) Run(ctx context.Context) error {
	failed := time.Time{}
	for {
		wait := j.cfg.Look
		if since := j.deps.Now().Sub(failed); since < j.cfg.Again {
			wait = max(wait, j.cfg.Again-since)
		} else if err := j.due(ctx); err != nil && ctx.Err() == nil {
			failed = j.deps.Now()
			j.log.Warn("a run of retention was not finished; it is tried again", "err", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		case <-j.wake:
			if _, err := j.Once(ctx); err != nil && ctx.Err() == nil {
				j.log.Warn("a run of retention was not finished", "err", err)
			}
		}
	}
}

// due makes a run if the last is a day ago, or the settings say something else than
// rows were stamped with.
func (j *Job) due(ctx context.Context) error {
	if j.deps.Lead != nil {
		if leads, err := j.deps.Lead(ctx); err != nil || !leads {
			return err
		}
	}
	at, raw, found, err := j.deps.Store.LastRetentionRun(ctx)
	if err != nil {
		return err
	}
	var last RunReport
	if found && json.Unmarshal(raw, &last) == nil {
		j.metrics.show(&last)
	}
	changed, err := j.changed(ctx)
	if err != nil {
		return err
	}
	if found && j.now().Sub(at) < j.cfg.Every && len(changed) == 0 && last.Whole() {
		return nil
	}
	r, err := j.Once(ctx)
	if err != nil {
		return err
	}
	if !r.Whole() {
		return fmt.Errorf("%d parts of it failed", len(r.Failed))
	}
	return nil
}

// Once makes a run and returns its report, which is kept too.
func (j *Job) Once(ctx context.Context) (RunReport, error) {
	j.running.Lock()
	defer j.running.Unlock()
	r := RunReport{At: j.now(), Past: map[event.SiteID]Past{}, Unmarked: map[event.SiteID]uint64{}}
	if err := j.stamp(ctx, &r); err != nil {
		r.fail("stamps", err)
	}
	if err := j.unmark(ctx, &r); err != nil {
		r.fail("purposes", err)
	}
	if err := j.idle(ctx, &r); err != nil {
		r.fail("contacts", err)
	}
	for i := range j.deps.Sites {
		site := j.deps.Sites[i].ID
		n, oldest, err := j.deps.Rows.PastRetention(ctx, site)
		if err != nil {
			r.fail("rows of "+string(site), err)
			continue
		}
		if n > 0 {
			r.Past[site] = Past{Rows: n, Oldest: oldest.UTC()}
		}
	}
	if ctx.Err() != nil {
		return r, ctx.Err()
	}
	raw, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("write the report: %w", err)
	}
	j.metrics.show(&r)
	j.log.Info("a run of retention is over", "stamps", len(r.Stamps), "sites_with_purposes_over", len(r.Unmarked), "contacts", r.Opened, "kept", len(r.Kept), "sites_with_rows_past_their_end", len(r.Past), "failed", len(r.Failed))
	return r, j.deps.Store.AddRetentionRun(ctx, r.At, raw)
}

// Last returns the last report; none: not found.
func (j *Job) Last(ctx context.Context) (r RunReport, found bool, err error) {
	_, raw, found, err := j.deps.Store.LastRetentionRun(ctx)
	if err != nil || !found {
		return r, false, err
	}
	if err := json.Unmarshal(raw, &r); err != nil {
		return r, false, fmt.Errorf("read the last report: %w", err)
	}
	return r, true, nil
}
