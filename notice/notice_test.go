package notice_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/notice"
	"zgoda/pseudonym"
)

const (
	canary = "jana.canary@person.example"
	secret = "a secret of thirty-two characters"
)

// keyholder is what it says of people.
type keyholder struct {
	mu   sync.Mutex
	data map[control.RequestID][]pseudonym.Datum
	err  error
}

func (k *keyholder) CaseIdentifiers(_ context.Context, id [16]byte, _ []event.IdentifierKind, _ string) ([]pseudonym.Datum, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.data[id], k.err
}

// call is what a receiver got.
type call struct {
	header http.Header
	body   string
}

type calls struct {
	mu   sync.Mutex
	list []call
}

func (c *calls) add(r *http.Request) int {
	body, _ := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = append(c.list, call{r.Header.Clone(), string(body)})
	return len(c.list)
}

func (c *calls) all() []call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]call(nil), c.list...)
}

// system is a service over a real store.
type system struct {
	*notice.Service
	store   *control.Store
	keys    *keyholder
	request control.Request
	settled chan control.RequestID
}

func setUp(t *testing.T, url, host string, roots *x509.CertPool, change func(*notice.Settings, *notice.Deps)) *system {
	t.Helper()
	cfg := control.DefaultConfig(filepath.Join(t.TempDir(), "control", "control.db"))
	cfg.Timeout = 30 * time.Second
	store, err := control.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	x := &system{store: store, settled: make(chan control.RequestID, 16), request: control.Request{
		ID: control.RequestID{1, 2, 3}, Site: "shop", Right: control.RightErasure, State: control.RequestRunning, Received: time.Now(), Deadline: time.Now(),
	}}
	x.keys = &keyholder{data: map[control.RequestID][]pseudonym.Datum{x.request.ID: {
		{Kind: event.KindEmail, Value: canary}, {Kind: event.KindPhone, Value: "+421900000000"},
	}}}
	settings := notice.DefaultSettings()
	settings.First, settings.Most, settings.Poll = time.Millisecond, 4*time.Millisecond, 2*time.Millisecond
	settings.Recipients = []notice.Recipient{{
		Name: "mailer", URL: url, Secret: notice.Secret(secret), Kinds: []event.IdentifierKind{event.KindEmail}, Rights: []control.Right{control.RightErasure},
	}}
	deps := notice.Deps{
		Store: store, Keys: x.keys, Client: notice.NewClient(notice.Config{Hosts: []string{host}, Roots: roots, Timeout: 5 * time.Second}),
		Settled: func(_ context.Context, id control.RequestID) error { x.settled <- id; return nil },
	}
	if change != nil {
		change(&settings, &deps)
	}
	if x.Service, err = notice.New(settings, deps); err != nil {
		t.Fatal(err)
	}
	return x
}

// run delivers until the test ends.
func (x *system) run(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- x.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// until waits for the state of the recipient's task.
func (x *system) until(t *testing.T, state string) control.Task {
	t.Helper()
	var told map[control.RequestID][]control.Task
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		var err error
		if told, err = x.Told(t.Context(), []control.RequestID{x.request.ID}); err != nil {
			t.Fatal(err)
		}
		if list := told[x.request.ID]; len(list) == 1 && list[0].State == state {
			return list[0]
		}
	}
	t.Fatalf("the recipient's task is not %s but %+v", state, told)
	return control.Task{}
}

func (x *system) tell(t *testing.T) {
	t.Helper()
	if err := x.Tell(t.Context(), []control.Request{x.request}); err != nil {
		t.Fatal(err)
	}
}

// TestSignatureVector holds the header, as the documentation shows it.
func TestSignatureVector(t *testing.T) {
	got := notice.Signature(notice.Secret("key"), time.Unix(1_700_000_000, 0), []byte(`{"type":"erasure"}`))
	if want := "t=1700000000,v1=7e1c2c5c8f87994b7eb5241ac1d4781a4ac8b5c52dea807e138b9c9e30394321"; got != want {
		t.Errorf("%s, not %s", got, want)
	}
	if text := fmt.Sprintf("%v %s %+v %q", notice.Secret("key"), notice.Secret("key"), notice.Recipient{Secret: notice.Secret("key")}, notice.Secret("key")); strings.Contains(text, "key") {
		t.Errorf("a secret is printed: %s", text)
	}
}

// TestDelivered: a receiver that fails first gets the same notice again, signed
// anew, with what it knows the person by and no more; nothing of that is kept.
func TestDelivered(t *testing.T) {
	var got calls
	s, roots := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		if got.add(r) < 3 {
			w.WriteHeader(http.StatusInternalServerError)
		}
	})
	x := setUp(t, s.URL+"/hook", s.Listener.Addr().String(), roots, nil)
	x.tell(t)
	if told, err := x.Told(t.Context(), []control.RequestID{x.request.ID, {9}}); err != nil || len(told) != 1 || told[x.request.ID][0].State != control.TaskWaiting {
		t.Errorf("before: %+v, %v", told, err)
	}
	x.run(t)
	task := x.until(t, control.TaskDone)
	if task.Name != "recipient:mailer" || task.Note != "delivered" || task.Attempts != 3 || task.Verified.IsZero() {
		t.Errorf("task %+v", task)
	}
	if id := <-x.settled; id != x.request.ID {
		t.Errorf("settled %s", id)
	}
	x.tell(t) // again, after a crash of the caller
	tasks, err := x.store.Tasks(t.Context(), x.request.ID)
	if err != nil || len(tasks) != 1 || tasks[0].State != control.TaskDone {
		t.Errorf("tasks %+v: %v", tasks, err)
	}
	list := got.all()
	if len(list) != 3 || list[0].header.Get("Zgoda-Notice") != list[2].header.Get("Zgoda-Notice") {
		t.Fatalf("%d calls", len(list))
	}
	checkCall(t, x, &list[2])
	notices, err := x.store.NoticesOf(t.Context(), x.request.ID)
	if err != nil || len(notices) != 1 || strings.Contains(fmt.Sprint(notices), canary) {
		t.Errorf("kept: %+v, %v", notices, err)
	}
}

func checkCall(t *testing.T, x *system, c *call) {
	t.Helper()
	var body struct {
		Type, ID, Request, Site string
		At                      time.Time
		Identifiers             []struct{ Kind, Value string }
	}
	if err := json.Unmarshal([]byte(c.body), &body); err != nil {
		t.Fatal(err)
	}
	if body.Type != "erasure" || body.Request != x.request.ID.String() || body.Site != "shop" || body.At.IsZero() || body.ID != c.header.Get("Zgoda-Notice") {
		t.Errorf("body %+v", body)
	}
	if len(body.Identifiers) != 1 || body.Identifiers[0].Kind != "email" || body.Identifiers[0].Value != canary || strings.Contains(c.body, "421") {
		t.Errorf("identifiers %+v", body.Identifiers)
	}
	var at int64
	var sum string
	if _, err := fmt.Sscanf(c.header.Get("Zgoda-Signature"), "t=%d,v1=%s", &at, &sum); err != nil {
		t.Fatal(err)
	}
	if want := notice.Signature(notice.Secret(secret), time.Unix(at, 0), []byte(c.body)); want != c.header.Get("Zgoda-Signature") {
		t.Error("the signature is not that of the body")
	}
}

// TestGivenUp: what cannot be delivered becomes work by hand, and says why by a
// class alone.
func TestGivenUp(t *testing.T) {
	down, downRoots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	down.Close()
	gone, goneRoots := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	moved, movedRoots := receiver(t, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "https://other.example/", http.StatusFound)
	})
	hold := make(chan struct{})
	slow, slowRoots := receiver(t, func(http.ResponseWriter, *http.Request) { <-hold })
	defer close(hold)
	for name, c := range map[string]struct {
		url, host string
		roots     *x509.CertPool
		note      string
		attempts  int
	}{
		"down":     {down.URL, down.Listener.Addr().String(), downRoots, "connection", 0},
		"gone":     {gone.URL, gone.Listener.Addr().String(), goneRoots, "http_410", 1},
		"redirect": {moved.URL, moved.Listener.Addr().String(), movedRoots, "http_302", 0},
		"slow":     {slow.URL, slow.Listener.Addr().String(), slowRoots, "timeout", 0},
		"unknown":  {gone.URL, gone.Listener.Addr().String(), x509.NewCertPool(), "certificate", 0},
	} {
		t.Run(name, func(t *testing.T) {
			x := setUp(t, c.url, c.host, c.roots, func(s *notice.Settings, d *notice.Deps) {
				s.GiveUp = 20 * time.Millisecond
				if c.note == "timeout" {
					d.Client.Timeout = 100 * time.Millisecond
				}
			})
			x.tell(t)
			x.run(t)
			task := x.until(t, control.TaskFailed)
			if task.Note != c.note || c.attempts != 0 && task.Attempts != c.attempts {
				t.Errorf("task %+v", task)
			}
			if <-x.settled != x.request.ID {
				t.Error("nobody heard of it")
			}
		})
	}
}

// TestSignedOffStays: what somebody did by hand is not waited for again.
func TestSignedOffStays(t *testing.T) {
	s, roots := receiver(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusBadGateway) })
	x := setUp(t, s.URL, s.Listener.Addr().String(), roots, func(s *notice.Settings, _ *notice.Deps) { s.GiveUp = 20 * time.Millisecond })
	x.tell(t)
	off := control.Task{Request: x.request.ID, Name: "recipient:mailer", State: control.TaskSignedOff, Before: -1, After: -1, Actor: "token:ana"}
	if err := x.store.PutTasks(t.Context(), []control.Task{off}); err != nil {
		t.Fatal(err)
	}
	x.run(t)
	x.until(t, control.TaskFailed) // of the notice
	<-x.settled
	tasks, err := x.store.Tasks(t.Context(), x.request.ID)
	if err != nil || len(tasks) != 1 || tasks[0].State != control.TaskSignedOff || tasks[0].Actor != "token:ana" {
		t.Errorf("tasks %+v: %v", tasks, err)
	}
}

// TestWithoutACall: nothing is sent while it is not known what to send, or when the
// recipient cannot have known the person.
func TestWithoutACall(t *testing.T) {
	var got calls
	s, roots := receiver(t, func(_ http.ResponseWriter, r *http.Request) { got.add(r) })
	for name, c := range map[string]struct {
		data        []pseudonym.Datum
		err         error
		state, note string
	}{
		"nothing it knows": {[]pseudonym.Datum{{Kind: event.KindPhone, Value: "+421900000000"}}, nil, control.TaskDone, "no_identifier"},
		"keyholder away":   {nil, errors.New("away"), control.TaskFailed, "keyholder"},
		"case closed":      {nil, fmt.Errorf("x: %w", pseudonym.ErrNotFound), control.TaskFailed, "case_closed"},
	} {
		t.Run(name, func(t *testing.T) {
			x := setUp(t, s.URL, s.Listener.Addr().String(), roots, func(s *notice.Settings, _ *notice.Deps) { s.GiveUp = 20 * time.Millisecond })
			x.keys.data[x.request.ID], x.keys.err = c.data, c.err
			x.tell(t)
			x.run(t)
			if task := x.until(t, c.state); task.Note != c.note {
				t.Errorf("task %+v", task)
			}
		})
	}
	if n := len(got.all()); n != 0 {
		t.Errorf("%d calls", n)
	}
}

// TestWhoIsTold: by right, and by the purposes for which data was given.
func TestWhoIsTold(t *testing.T) {
	s, roots := receiver(t, func(http.ResponseWriter, *http.Request) {})
	x := setUp(t, s.URL, s.Listener.Addr().String(), roots, func(c *notice.Settings, d *notice.Deps) {
		c.Recipients = append(c.Recipients,
			notice.Recipient{Name: "ads", URL: s.URL, Purposes: []event.PurposeID{"marketing"}, Rights: []control.Right{control.RightErasure, control.RightRectification}},
			notice.Recipient{Name: "blog", URL: s.URL, Purposes: []event.PurposeID{"newsletter"}, Rights: []control.Right{control.RightErasure}})
		d.HasPurpose = func(site event.SiteID, p event.PurposeID) bool { return site == "shop" && p == "marketing" }
	})
	scoped, corrected, asked, anywhere := x.request, x.request, x.request, x.request
	scoped.ID, scoped.Scope = control.RequestID{2}, []event.PurposeID{"analytics"}
	corrected.ID, corrected.Right = control.RequestID{3}, control.RightRectification
	asked.ID, asked.Right = control.RequestID{4}, control.RightAccess
	anywhere.ID, anywhere.Site = control.RequestID{5}, ""
	if err := x.Tell(t.Context(), []control.Request{x.request, scoped, asked, anywhere}); err != nil {
		t.Fatal(err)
	}
	if err := x.TellChanges(t.Context(), corrected, []string{"first_name"}); err != nil {
		t.Fatal(err)
	}
	told, err := x.Told(t.Context(), []control.RequestID{x.request.ID, scoped.ID, corrected.ID, asked.ID, anywhere.ID})
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[control.RequestID]string{
		x.request.ID: "recipient:ads recipient:mailer ", scoped.ID: "recipient:mailer ", corrected.ID: "recipient:ads ", asked.ID: "",
		anywhere.ID: "recipient:ads recipient:blog recipient:mailer ",
	} {
		got := ""
		for _, task := range told[id] {
			got += task.Name + " "
		}
		if got != want {
			t.Errorf("%s: %q, not %q", id, got, want)
		}
	}
	list, err := x.store.NoticesOf(t.Context(), corrected.ID)
	if err != nil || len(list) != 1 || !strings.Contains(list[0].Body, `"changes":[{"name":"first_name"}]`) {
		t.Errorf("notices %+v: %v", list, err)
	}
}

func TestNewRefuses(t *testing.T) {
	client := notice.NewClient(notice.Config{})
	good := notice.Deps{Store: &control.Store{}, Keys: &keyholder{}, Client: client}
	bad := notice.DefaultSettings()
	bad.Most = 0
	if _, err := notice.New(bad, good); err == nil {
		t.Error("bad settings were taken")
	}
	if _, err := notice.New(notice.DefaultSettings(), notice.Deps{}); err == nil {
		t.Error("made without parts")
	}
	named := notice.DefaultSettings()
	named.Recipients = []notice.Recipient{{Name: "mailer", URL: "https://mailer.example/"}}
	if _, err := notice.New(named, good); !errors.Is(err, notice.ErrHost) {
		t.Errorf("a recipient that may not be called: %v", err)
	}
}
