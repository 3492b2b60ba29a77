package rights

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/config"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// day is when tests begin.
var day = time.Date(2026, 1, 31, 10, 0, 0, 0, time.UTC)

// vault is a keyholder's cases in memory: people known by a text.
type vault struct {
	mu      sync.Mutex
	people  map[string]event.Handle
	open    map[[16]byte]event.Handle
	opened  map[[16]byte]time.Time
	merging bool
	away    error
	now     func() time.Time
}

func (v *vault) OpenCases(_ context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]pseudonym.OpenedCase, len(list))
	for i, c := range list {
		h, known := v.people[c.Who.Value]
		out[i] = pseudonym.OpenedCase{ID: c.ID, State: pseudonym.CaseUnknown}
		switch {
		case v.merging:
			out[i].State = pseudonym.CaseElsewhere
		case known:
			if was, there := v.open[c.ID]; there {
				h = was // what there is of an id stays
			}
			v.open[c.ID], v.opened[c.ID] = h, v.now()
			out[i].State, out[i].Pseudonyms = pseudonym.CaseOpen, pseudonymsOf(h)
		}
	}
	return out, v.away
}

func pseudonymsOf(h event.Handle) []pseudonym.CasePseudonym {
	visitor, own := h, h
	visitor[1], own[2] = 1, 1
	return []pseudonym.CasePseudonym{
		{Handle: visitor, Purpose: "consent", Visitor: 1}, {Handle: own, Purpose: "profiling"}, {Handle: h, Purpose: "consent"},
	}
}

func (v *vault) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		if h, there := v.open[id]; there {
			if err := yield(pseudonym.CasePiece{ID: id, Pseudonyms: pseudonymsOf(h)}); err != nil {
				return err
			}
		}
	}
	return v.away
}

func (v *vault) CloseCases(_ context.Context, ids [][16]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.away == nil {
		for _, id := range ids {
			delete(v.open, id)
		}
	}
	return v.away
}

func (v *vault) ListCases(_ context.Context, yield func(pseudonym.ListedCase) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for id := range v.open {
		if err := yield(pseudonym.ListedCase{ID: id, Opened: v.opened[id]}); err != nil {
			return err
		}
	}
	return nil
}

func (v *vault) cases() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.open)
}

// room is a service with a store of its own and a clock that tests move.
type room struct {
	*Service
	store *control.Store
	vault *vault
	mu    sync.Mutex
	at    time.Time
}

func (r *room) later(d time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.at = r.at.Add(d)
}

func (r *room) time() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.at
}

func newRoom(t *testing.T, change func(*Config)) *room {
	t.Helper()
	store, err := control.Open(t.Context(), control.DefaultConfig(filepath.Join(t.TempDir(), "control", "control.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	r := &room{store: store, at: day}
	r.vault = &vault{
		people: map[string]event.Handle{"jana": {1}, "petr": {2}, "eva": {3}},
		open:   map[[16]byte]event.Handle{}, opened: map[[16]byte]time.Time{}, now: r.time,
	}
	r.Service = r.restart(t, change)
	return r
}

// restart makes the service anew, over what is stored.
func (r *room) restart(t *testing.T, change func(*Config)) *Service {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Poll = 5 * time.Millisecond
	if change != nil {
		change(&cfg)
	}
	s, err := New(cfg, Deps{Store: r.store, Cases: r.vault, Now: r.time})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// running runs the service until the test ends.
func (r *room) running(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func opening(right control.Right, who string) Opening {
	return Opening{
		Site: "shop", Right: right, Who: Who{Kind: event.KindUserID, Value: who}, Origin: "letter", Proof: "operator", Actor: "ana", Reason: "letter 7",
	}
}

func (r *room) open(t *testing.T, o Opening) control.Request {
	t.Helper()
	got, err := r.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func (r *room) act(t *testing.T, id control.RequestID, a Act) control.Request {
	t.Helper()
	if a.Actor == "" {
		a.Actor = "ana"
	}
	got, err := r.Act(t.Context(), id, a)
	if err != nil {
		t.Fatalf("%s: %v", a.Name, err)
	}
	return got
}

// until waits for a request to be in a state.
func (r *room) until(t *testing.T, id control.RequestID, want control.RequestState) control.Request {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for {
		got, err := r.Request(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		if got.State == want {
			return got
		}
		if time.Now().After(deadline) {
			t.Fatalf("the request is %s, not %s: %q", got.State, want, got.Error)
		}
		time.Sleep(time.Millisecond)
	}
}

// worker performs by what it is told.
type worker struct {
	mu      sync.Mutex
	service *Service
	fail    []error // one a try
	holds   bool    // it does not finish by itself
	tries   int
	whom    []event.Handle // of Accepted
	back    int
	settled []control.RequestID
}

func (w *worker) Perform(ctx context.Context, r control.Request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries++
	if len(w.fail) > 0 {
		err := w.fail[0]
		w.fail = w.fail[1:]
		return err
	}
	if w.holds || r.Right == control.RightErasure {
		return nil
	}
	return w.service.Finish(ctx, r.ID, []control.Task{{Name: "events", State: control.TaskDone, Before: 3, After: 0}})
}

func (w *worker) Accepted(_ context.Context, list []control.Request, of []pseudonym.OpenedCase) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(list) != len(of) {
		return errors.New("not in order")
	}
	if len(w.fail) > 0 {
		err := w.fail[0]
		w.fail = w.fail[1:]
		return err
	}
	for i := range of {
		w.whom = append(w.whom, consentHandle(&of[i]))
	}
	return nil
}

func (w *worker) TakenBack(context.Context, control.Request) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.back++
	return nil
}

func (w *worker) Settled(_ context.Context, id control.RequestID) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.settled = append(w.settled, id)
	return nil
}

func (w *worker) seen() (tries, back int, whom []event.Handle) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.tries, w.back, slices.Clone(w.whom)
}

// TestNamesAreTheConfigurations: what the configuration may name is what there is.
func TestNamesAreTheConfigurations(t *testing.T) {
	var names []string
	for _, r := range Rights {
		names = append(names, string(r))
	}
	if !slices.Equal(names, config.RightNames) {
		t.Errorf("the configuration knows %v", config.RightNames)
	}
}
