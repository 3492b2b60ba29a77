package erasing

import (
	"context"
	"crypto/rand"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/mod/sumdb/note"

	"zgoda/certificate"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

const shop = event.SiteID("shop")

var policy = &consent.Policy{Site: shop, Version: 1, Purposes: []consent.Purpose{
	{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1},
	{ID: "profiling", Bit: 7, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
}}

// row is a row of ClickHouse.
type row struct {
	subject, visitor event.Handle
	at               time.Time
	nobody           bool
}

// spooled is an event that was accepted and is not stored yet.
type spooled struct {
	consent event.Handle
	row     row
}

// ship stores what waits, of those who are not denied now.
func (w *world) ship(ctx context.Context) error {
	w.mu.Lock()
	list := w.spool
	w.spool = nil
	w.mu.Unlock()
	for _, s := range list {
		r, err := w.Record(ctx, shop, s.consent)
		if err != nil {
			return err
		}
		if r.State == consent.StateActive {
			w.mu.Lock()
			w.rows = append(w.rows, s.row)
			w.mu.Unlock()
		}
	}
	return nil
}

// person is a contact, or a visitor without one.
type person struct {
	consent, subject event.Handle
	visitors         []*person
	past             []*person // contacts that were merged into it
}

func newPerson() *person {
	p := &person{}
	_, _ = rand.Read(p.consent[:])
	_, _ = rand.Read(p.subject[:])
	return p
}

// world is what an Eraser works on: a real control store, and what a keyholder, a
// ClickHouse, the nodes' disks and the journal would have.
type world struct {
	t     *testing.T
	store *control.Store
	clock time.Time

	mu      sync.Mutex
	cases   map[[16]byte]*person
	gone    map[[16]byte]pseudonym.SealedErasure
	keys    map[*person]bool // the keyholder has them
	rows    []row
	waiting []event.Handle // consent handles of spooled events
	spool   []spooled      // events with their rows
	hidden  map[event.Handle]bool
	journal map[[16]byte]int
	marks   map[[16]byte]bool
	copies  map[string][]row
	failed  map[control.RequestID]string
	notices map[control.RequestID]string // state of the one recipient's task
	tell    bool

	fail func(act string) error // says whether an act of the world fails
	signer
}

func newWorld(t *testing.T, path string) *world {
	t.Helper()
	cfg := control.DefaultConfig(path)
	cfg.Timeout = 30 * time.Second
	store, err := control.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	_, _, key := signingKey(t)
	return &world{
		t: t, store: store, clock: time.Now().UTC().Truncate(time.Microsecond), cases: map[[16]byte]*person{}, gone: map[[16]byte]pseudonym.SealedErasure{}, keys: map[*person]bool{},
		hidden: map[event.Handle]bool{}, journal: map[[16]byte]int{}, marks: map[[16]byte]bool{}, copies: map[string][]row{}, failed: map[control.RequestID]string{},
		notices: map[control.RequestID]string{}, fail: func(string) error { return nil }, signer: key,
	}
}

func signingKey(t *testing.T) (private, public string, key certificate.Key) {
	t.Helper()
	private, public, err := note.GenerateKey(rand.Reader, "zgoda.example/test")
	if err != nil {
		t.Fatal(err)
	}
	s, err := note.NewSigner(private)
	if err != nil {
		t.Fatal(err)
	}
	return private, public, certificate.Key{Signer: s, Public: public}
}

// eraser makes an Eraser on the world, as a process that starts does.
func (w *world) eraser() *Eraser {
	w.t.Helper()
	cfg := DefaultConfig()
	cfg.Gather, cfg.Quiet = 0, 0
	e, err := New(cfg, Deps{
		Node: w.store.Writer(), Alone: true, Store: w.store, Subjects: w, Keys: w, Hider: w, Table: w, Journal: w, Notices: w, Signer: w.signer, Horizons: w,
		Fail: w.failFor, Waits: w.waitsFor, Sites: func() []event.SiteID { return []event.SiteID{shop} }, Now: w.now,
		Rests: func(event.SiteID) (r [event.ScopePerson + 1]event.PurposeSet) { return r },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return e
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(time.Millisecond)
	return w.clock
}

func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock = w.clock.Add(d)
}

// node is the loop of one node.
func (w *world) node() *Node {
	n, err := NewNode(time.Millisecond, NodeDeps{
		Store: w.store, AsOf: w.store.Sequence, Passed: func(context.Context) error { return nil },
		Said: func(context.Context, []event.Handle) (int, error) { return 0, nil },
		Erase: func(_ context.Context, handles []event.Handle) (int, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.spool = slices.DeleteFunc(w.spool, func(s spooled) bool { return slices.Contains(handles, s.consent) })
			before := len(w.waiting)
			w.waiting = slices.DeleteFunc(w.waiting, func(h event.Handle) bool { return slices.Contains(handles, h) })
			return before - len(w.waiting), nil
		},
		Stored: w.ship,
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// turn is one look of everything that runs.
func (w *world) turn(ctx context.Context, e *Eraser) error {
	if _, err := e.lease(ctx); err != nil {
		return err
	}
	n := w.node()
	return errors.Join(n.deps.Store.Beat(ctx, n.deps.AsOf(), time.Now().UTC()), e.batches(ctx), n.look(ctx), e.batches(ctx), e.ends(ctx))
}

// Write implements subjects.
func (w *world) Write(ctx context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	c, err := w.store.Append(ctx, entries...)
	return c.Sequence, err
}

// Record implements subjects.
func (w *world) Record(ctx context.Context, _ event.SiteID, h event.Handle) (consent.Record, error) {
	var out [1]control.Found
	_, err := w.store.Records(ctx, []control.Lookup{{Policy: policy, Handle: h}}, out[:])
	return out[0].Record, err
}

func (p *person) pseudonyms() (list []pseudonym.CasePseudonym) {
	add := func(of *person, n uint32) {
		list = append(list, pseudonym.CasePseudonym{Handle: of.consent, Purpose: "consent", Visitor: n}, pseudonym.CasePseudonym{Handle: of.subject, Purpose: "profiling", Visitor: n})
	}
	add(p, 0)
	for _, m := range p.past {
		add(m, 0)
	}
	for i, v := range p.visitors {
		add(v, uint32(i+1))
	}
	return list
}

// open opens a case and keeps its request, as rights.Service does.
func (w *world) open(p *person, mode control.EraseMode, undo time.Time) (control.Request, pseudonym.OpenedCase) {
	w.t.Helper()
	r := control.Request{
		Site: shop, Right: control.RightErasure, Mode: mode, Origin: "operator", State: control.RequestRunning, Handle: p.consent, Received: w.now(), Proof: "operator",
		Actor: "ana", Undo: undo, Step: control.StepAccepted, Revision: 1,
	}
	if !undo.IsZero() {
		r.State = control.RequestApproved
	}
	r.Deadline = r.Received.AddDate(0, 1, 0)
	_, _ = rand.Read(r.ID[:])
	w.mu.Lock()
	w.cases[r.ID] = p
	w.mu.Unlock()
	refused, err := w.store.AddRequests(w.t.Context(), []control.Request{r})
	if err := errors.Join(append(refused, err)...); err != nil {
		w.t.Fatal(err)
	}
	return r, pseudonym.OpenedCase{ID: r.ID, State: pseudonym.CaseOpen, Pseudonyms: p.pseudonyms()}
}

// link makes a visitor a contact's.
func (w *world) link(p, visitor *person, at time.Time) {
	w.t.Helper()
	p.visitors = append(p.visitors, visitor)
	if _, err := w.store.Append(w.t.Context(), ledger.Entry{
		Site: shop, Subject: p.consent, Linked: visitor.consent, State: ledger.StateLinked, Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: at,
	}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) failFor(ctx context.Context, id control.RequestID, class string, passes bool) error {
	r, _, err := w.store.Request(ctx, id)
	if err != nil {
		return err
	}
	r.Error, r.Next = class, w.now().Add(time.Second)
	w.mu.Lock()
	w.failed[id] = class
	w.mu.Unlock()
	if r.Attempts++; !passes || r.Attempts >= DefaultConfig().Attempts {
		r.State = control.RequestFailed
	}
	return w.store.ChangeRequest(ctx, r, control.RequestHistory{})
}

func controlPath(t *testing.T) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "control", "control.db")
}
