package rights

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// store keeps requests; control.Store is one.
type store interface {
	AddRequests(ctx context.Context, list []control.Request) ([]error, error)
	AddRequestsWith(ctx context.Context, list []control.Request, more func(r *control.Request) []control.Task) ([]error, error)
	Request(ctx context.Context, id control.RequestID) (control.Request, bool, error)
	Requests(ctx context.Context, q control.RequestQuery) ([]control.Request, error)
	ChangeRequest(ctx context.Context, r control.Request, h control.RequestHistory) error
	SupplyRequest(ctx context.Context, r control.Request, h control.RequestHistory) error
	Tasks(ctx context.Context, id control.RequestID) ([]control.Task, error)
	PutTasks(ctx context.Context, tasks []control.Task) error
	BeginTasks(ctx context.Context, tasks []control.Task) error
	AddReview(ctx context.Context, id control.RequestID, r control.Review) (agreed int, err error)
	CountRequests(ctx context.Context, now time.Time) ([]control.RequestCount, error)
	Queue(ctx context.Context) ([]control.QueueStep, error)
	FirstLink(ctx context.Context, site event.SiteID, visitor event.Handle) (time.Time, error)
	LateErasures(ctx context.Context, before time.Time) (int64, error)
}

// cases keep whom requests are about; pseudonym.Rights has them.
type cases interface {
	OpenCases(ctx context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error)
	CasePseudonyms(ctx context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error
	CloseCases(ctx context.Context, ids [][16]byte) error
	ListCases(ctx context.Context, yield func(pseudonym.ListedCase) error) error
}

// System is one outside of this product, where somebody has to do by hand what
// requests of these rights ask for.
type System struct {
	Name   string
	Rights []control.Right
}

// Config are the settings.
type Config struct {
	Limit     time.Duration // an erasure whose rows are there for longer after its fence is late
	Undo      time.Duration // how long an approved erasure waits
	Reviewers int           // how many others have to approve
	Zone      *time.Location
	Systems   []System
	Attempts  int           // after so many a request has failed
	First     time.Duration // the wait after the first failure; it doubles
	Most      time.Duration // the longest wait
	Poll      time.Duration // how often requests under way are looked at
	Count     time.Duration // how often requests are counted for metrics
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{
		Limit: time.Hour, Zone: time.UTC, Attempts: 20, First: time.Second, Most: 5 * time.Minute, Poll: time.Second, Count: 15 * time.Second,
	}
}

func (c *Config) validate() error {
	if c.Zone == nil || c.Limit <= 0 || c.Undo < 0 || c.Reviewers < 0 || c.Attempts < 1 || c.First <= 0 || c.Most < c.First || c.Poll <= 0 || c.Count <= 0 {
		return errors.New("rights: a setting is missing or out of its bounds")
	}
	return nil
}

// Deps are the parts that requests are kept with. Store and Cases are required.
type Deps struct {
	Store store
	Cases cases
	// Lead says whether this node, of those that share a store, looks after requests
	// under way; nil: it does.
	Lead func(ctx context.Context) (bool, error)
	// Tell lets recipients be told of a request whose work is done, as tasks that it
	// waits for; nil: nobody is. An erasure's Eraser tells by itself.
	Tell func(ctx context.Context, list []control.Request) error
	// Shown lets those be seen again whom nothing hides any more, once an erasure was taken
	// back; nil: nobody is hidden.
	Shown      func(ctx context.Context)
	Now        func() time.Time // nil: the clock
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service deals with requests. It is safe for concurrent use once Use was called
// for every right.
type Service struct {
	cfg        Config
	deps       Deps
	log        *slog.Logger
	metrics    *metrics
	performers map[control.Right]Performer
	eraser     Eraser
	needs      []Needs
	wake       chan struct{}

	mu   sync.Mutex
	done map[control.RequestID]bool          // performed, or announced to the eraser, since this start
	busy map[control.RequestID]chan struct{} // being performed; closed at its end
}

// New makes a service. Use names who performs, before Run.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Cases == nil {
		return nil, errors.New("rights: a part is missing")
	}
	s := &Service{
		cfg: cfg, deps: deps, log: deps.Logger, metrics: newMetrics(), performers: map[control.Right]Performer{},
		wake: make(chan struct{}, 1), done: map[control.RequestID]bool{}, busy: map[control.RequestID]chan struct{}{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deps.Now == nil {
		s.deps.Now = time.Now
	}
	return s, s.metrics.register(deps.Registerer)
}

// Use says who performs a right. One that is an Eraser too hears of erasures at
// once.
func (s *Service) Use(right control.Right, p Performer) {
	s.performers[right] = p
	if e, ok := p.(Eraser); ok && right == control.RightErasure {
		s.eraser = e
	}
}

// Needs says which of these cases, that belong to no open request, something else
// still needs.
type Needs func(ctx context.Context, ids [][16]byte) (needed [][16]byte, err error)

// Keep names somebody who has cases beside those of requests, before Run.
func (s *Service) Keep(n Needs) { s.needs = append(s.needs, n) }

// Config returns the settings.
func (s *Service) Config() Config { return s.cfg }

func (s *Service) now() time.Time { return s.deps.Now().UTC().Truncate(time.Microsecond) }

// marked says whether a request was dealt with since this start, and mark notes it.
func (s *Service) marked(id control.RequestID) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.done[id]
}

func (s *Service) mark(id control.RequestID, done bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if done {
		s.done[id] = true
	} else {
		delete(s.done, id)
	}
}

// take takes a request in hand, unless another goroutine did: then it waits for the
// end of that.
func (s *Service) take(ctx context.Context, id control.RequestID) bool {
	s.mu.Lock()
	other, busy := s.busy[id]
	if !busy {
		s.busy[id] = make(chan struct{})
	}
	s.mu.Unlock()
	if !busy {
		return true
	}
	select {
	case <-other:
	case <-ctx.Done():
	}
	return false
}

func (s *Service) release(id control.RequestID) {
	s.mu.Lock()
	defer s.mu.Unlock()
	close(s.busy[id])
	delete(s.busy, id)
}

// hurry lets Run look at once.
func (s *Service) hurry() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// manual are the tasks that somebody has to do by hand for a request, once it was
// approved.
func (s *Service) manual(r *control.Request) (tasks []control.Task) {
	if !r.State.Open() || r.State == control.RequestUnverified || r.State == control.RequestInput || r.State == control.RequestPending {
		return nil
	}
	for _, system := range s.cfg.Systems {
		if slices.Contains(system.Rights, r.Right) {
			tasks = append(tasks, control.Task{Request: r.ID, Name: "manual:" + system.Name, State: control.TaskWaiting, Before: -1, After: -1})
		}
	}
	return tasks
}

// Late counts erasures whose rows are there for longer than the limit.
func (s *Service) Late(ctx context.Context) (int64, error) {
	return s.deps.Store.LateErasures(ctx, s.now().Add(-s.cfg.Limit))
}

// Request returns one request.
func (s *Service) Request(ctx context.Context, id control.RequestID) (control.Request, error) {
	r, found, err := s.deps.Store.Request(ctx, id)
	if err == nil && !found {
		err = ErrRequest
	}
	return r, err
}
