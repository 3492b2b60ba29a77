package notice

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// taskPrefix is what the name of a recipient's task begins with.
const taskPrefix = "recipient:"

// Recipient is one who was given personal data.
type Recipient struct {
	Name     string
	URL      string
	Secret   Secret
	Kinds    []event.IdentifierKind // that it knows people by
	Purposes []event.PurposeID      // for which it was given the data; none: for any
	Rights   []control.Right
}

// store keeps notices; control.Store is one.
type store interface {
	AddNotices(ctx context.Context, list []control.Notice) error
	DueNotices(ctx context.Context, now, hold time.Time, limit int) ([]control.Notice, error)
	SettleNotice(ctx context.Context, n control.Notice) error
	NoticesOf(ctx context.Context, ids ...control.RequestID) ([]control.Notice, error)
	CountNotices(ctx context.Context) (int64, error)
	SweepNotices(ctx context.Context, before time.Time) error
	Tasks(ctx context.Context, id control.RequestID) ([]control.Task, error)
	PutTasks(ctx context.Context, tasks []control.Task) error
	BeginTasks(ctx context.Context, tasks []control.Task) error
}

// keys tell what a recipient knows a person by; pseudonym.Rights does.
type keys interface {
	CaseIdentifiers(ctx context.Context, id [16]byte, kinds []event.IdentifierKind, recipient string) ([]pseudonym.Datum, error)
}

// Sender writes a kind of notice as its HTTP call.
type Sender interface {
	// Request returns the call, or what it ends as without one.
	Request(ctx context.Context, n control.Notice) (*http.Request, Outcome, error)
}

// Outcome is how a notice ended without a call; the zero value: it has not.
type Outcome struct{ State, Answer string }

// Settings of a Service.
type Settings struct {
	Recipients []Recipient
	// First is the wait after the first try; it doubles up to Most. GiveUp is how long
	// it is tried; Keep how long a notice stays when it has ended.
	First, Most, GiveUp, Keep time.Duration
	Poll                      time.Duration
	Workers                   int
}

// DefaultSettings returns the documented settings, without recipients.
func DefaultSettings() Settings {
	return Settings{
		First: time.Second, Most: time.Hour, GiveUp: 72 * time.Hour, Keep: 400 * 24 * time.Hour, Poll: time.Second, Workers: 8,
	}
}

// Validate names what is out of its bounds.
func (s Settings) Validate() error {
	if s.First <= 0 || s.Most < s.First || s.GiveUp < s.First || s.Keep <= 0 || s.Poll <= 0 || s.Workers < 1 {
		return errors.New("notice: a setting is out of its bounds")
	}
	return nil
}

// Deps are what a Service needs. Store, Keys and Client are required.
type Deps struct {
	Store  store
	Keys   keys
	Client *http.Client // of NewClient
	// HasPurpose says whether a site has a purpose; nil: it has.
	HasPurpose func(site event.SiteID, purpose event.PurposeID) bool
	// Settled hears of a request of which the last recipient was told; nil: nobody.
	Settled    func(ctx context.Context, id control.RequestID) error
	Now        func() time.Time // nil: the clock
	Logger     *slog.Logger     // nil: nothing is said
	Registerer prometheus.Registerer
}

// Service tells recipients, and whom Use names. It is safe for concurrent use.
type Service struct {
	cfg     Settings
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	senders map[string]Sender
	wake    chan struct{}

	mu      sync.Mutex
	settled map[control.RequestID]bool // of which nobody has heard yet that a recipient was told
}

// New makes a service. Run delivers.
func New(cfg Settings, deps Deps) (*Service, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if deps.Store == nil || deps.Keys == nil || deps.Client == nil {
		return nil, errors.New("notice: a part is missing")
	}
	for _, r := range cfg.Recipients {
		if err := Callable(deps.Client, r.URL); err != nil {
			return nil, fmt.Errorf("notice: recipient %s: %w", r.Name, err)
		}
	}
	s := &Service{cfg: cfg, deps: deps, log: deps.Logger, metrics: newMetrics(), senders: map[string]Sender{}, wake: make(chan struct{}, 1), settled: map[control.RequestID]bool{}}
	s.senders[control.NoticeArt19] = &art19{s}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.deps.Now == nil {
		s.deps.Now = time.Now
	}
	return s, s.metrics.register(deps.Registerer)
}

// Use says who writes a kind of notice, before Run.
func (s *Service) Use(kind string, sender Sender) { s.senders[kind] = sender }

func (s *Service) now() time.Time { return s.deps.Now().UTC().Truncate(time.Microsecond) }

// Wake lets Run look at once.
func (s *Service) Wake() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// told is the part of an Art. 19 notice that is kept.
type told struct {
	Type    string    `json:"type"`
	ID      string    `json:"id"`
	Request string    `json:"request"`
	Site    string    `json:"site"`
	At      time.Time `json:"at"`
	// Identifiers are asked for at each try, and never kept.
	Identifiers []identifier `json:"identifiers,omitempty"`
	Changes     []change     `json:"changes,omitempty"`
}

type identifier struct {
	Kind  string `json:"kind"`
	Value string `json:"value"`
}

type change struct {
	Name string `json:"name"`
}

// Tell keeps a notice for each recipient of each request, and its task. Again it
// does nothing.
func (s *Service) Tell(ctx context.Context, list []control.Request) error {
	return s.tell(ctx, list, nil)
}

// TellChanges is Tell with the names of the data that were corrected, never their
// values.
func (s *Service) TellChanges(ctx context.Context, r control.Request, names []string) error {
	return s.tell(ctx, []control.Request{r}, names)
}

// tellAtOnce bounds the requests of one transaction.
const tellAtOnce = 500

func (s *Service) tell(ctx context.Context, list []control.Request, names []string) error {
	for some := range slices.Chunk(list, tellAtOnce) {
		if err := s.keep(ctx, some, names); err != nil {
			return err
		}
	}
	s.Wake()
	return nil
}

func (s *Service) keep(ctx context.Context, list []control.Request, names []string) error {
	var notices []control.Notice
	var tasks []control.Task
	now := s.now()
	for i := range list {
		r := &list[i]
		for j := range s.cfg.Recipients {
			if !s.concerns(&s.cfg.Recipients[j], r) {
				continue
			}
			name := s.cfg.Recipients[j].Name
			n, err := s.notice(r, name, names, now)
			if err != nil {
				return err
			}
			notices = append(notices, n)
			tasks = append(tasks, control.Task{Request: r.ID, Name: taskPrefix + name, State: control.TaskWaiting, Before: -1, After: -1})
		}
	}
	if err := s.deps.Store.BeginTasks(ctx, tasks); err != nil {
		return fmt.Errorf("keep the tasks of recipients: %w", err)
	}
	return s.deps.Store.AddNotices(ctx, notices)
}

func (s *Service) notice(r *control.Request, recipient string, names []string, now time.Time) (control.Notice, error) {
	n := control.Notice{
		ID: noticeID(r.ID, recipient), Kind: control.NoticeArt19, Request: r.ID, Recipient: recipient, Next: now, Until: now.Add(s.cfg.GiveUp),
	}
	t := told{Type: string(r.Right), ID: uuid(n.ID), Request: r.ID.String(), Site: string(r.Site), At: now}
	for _, name := range names {
		t.Changes = append(t.Changes, change{name})
	}
	body, err := json.Marshal(t)
	if err != nil {
		return n, fmt.Errorf("write the notice: %w", err)
	}
	n.Body = string(body)
	return n, nil
}

// concerns says whether a recipient has to do with a request.
func (s *Service) concerns(to *Recipient, r *control.Request) bool {
	if !slices.Contains(to.Rights, r.Right) {
		return false
	}
	return len(to.Purposes) == 0 || r.Site == "" || slices.ContainsFunc(to.Purposes, func(p event.PurposeID) bool {
		if len(r.Scope) > 0 && !slices.Contains(r.Scope, p) {
			return false
		}
		return s.deps.HasPurpose == nil || s.deps.HasPurpose(r.Site, p)
	})
}

// Told returns how far the notices of requests are, a task for each recipient. A
// request of which nobody has to be told is not in the answer.
func (s *Service) Told(ctx context.Context, ids []control.RequestID) (map[control.RequestID][]control.Task, error) {
	list, err := s.deps.Store.NoticesOf(ctx, ids...)
	if err != nil {
		return nil, err
	}
	all := map[control.RequestID][]control.Task{}
	for i := range list {
		if list[i].Kind == control.NoticeArt19 {
			all[list[i].Request] = append(all[list[i].Request], taskOf(&list[i]))
		}
	}
	return all, nil
}

// taskOf says in the words of tasks how far a notice is.
func taskOf(n *control.Notice) control.Task {
	t := control.Task{
		Request: n.Request, Name: taskPrefix + n.Recipient, State: control.TaskWaiting, Before: -1, After: -1, Attempts: n.Attempts, Note: n.Answer,
	}
	switch n.State {
	case control.NoticeDelivered, control.NoticeNothing:
		t.State, t.Note, t.Verified = control.TaskDone, n.State, n.End
	case control.NoticeFailed:
		t.State = control.TaskFailed
	}
	return t
}

// noticeID names the notice of a request to a recipient, so that there is one.
func noticeID(request control.RequestID, recipient string) (id [16]byte) {
	sum := sha256.Sum256(append(append([]byte("zgoda notice\n"), request[:]...), recipient...))
	copy(id[:], sum[:])
	id[6], id[8] = id[6]&0x0f|0x80, id[8]&0x3f|0x80 // a UUID of version 8
	return id
}

func uuid(id [16]byte) string {
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
