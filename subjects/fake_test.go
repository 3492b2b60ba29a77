package subjects

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(keyholderFolder); folder != "" {
		if err := serveAsKeyholder(folder); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

const (
	site         = event.SiteID("shop")
	bitMeasure   = 0
	bitAnalytics = 3
	bitProfiling = 7
)

var policy = &consent.Policy{Site: site, Version: 4, Purposes: []consent.Purpose{
	{ID: "measurement", Bit: bitMeasure, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1},
	{ID: "analytics", Bit: bitAnalytics, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 2, TextHash: [32]byte{5}},
	{ID: "profiling", Bit: bitProfiling, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
}}

func policies(id event.SiteID) *consent.Policy {
	if id == site {
		return policy
	}
	return nil
}

// keyholder is a resolver in memory with the manners of the real one: contacts
// are made on request, unknown ones get decoys, known ones are never merged.
type keyholder struct {
	mu       sync.Mutex
	contacts map[event.Blinded]event.Handle
	err      error
	garbage  bool
	erased   map[event.Blinded]int64
	gate     chan struct{} // when set, Resolve waits until it is closed
	entered  chan struct{}

	resolves, asked, links atomic.Int64
}

func newKeyholder() *keyholder {
	return &keyholder{contacts: map[event.Blinded]event.Handle{}, entered: make(chan struct{}, 1024)}
}

func derived(label string, h1 event.Blinded) event.Handle {
	sum := sha256.Sum256(append([]byte(label), h1[:]...))
	return event.Handle(sum[:16])
}

var errAway = errors.New("away")

func (k *keyholder) set(change func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	change()
}

func (k *keyholder) Resolve(ctx context.Context, queries []pseudonym.Query) ([]event.Handles, error) {
	k.resolves.Add(1)
	k.asked.Add(int64(len(queries)))
	k.mu.Lock()
	gate := k.gate
	k.mu.Unlock()
	k.entered <- struct{}{}
	defer func() { <-k.entered }()
	if gate != nil {
		select {
		case <-gate:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, k.err
	}
	if k.garbage {
		return make([]event.Handles, len(queries)), nil
	}
	out := make([]event.Handles, len(queries))
	for i, q := range queries {
		out[i] = k.handlesLocked(q)
	}
	return out, nil
}

func (k *keyholder) handlesLocked(q pseudonym.Query) event.Handles {
	if q.Kind == event.KindVisitor {
		h := derived("visitor", q.H1)
		return event.Handles{Consent: h, Profiling: h, Period: q.Period}
	}
	c, ok := k.contacts[q.H1]
	if !ok {
		c = derived("decoy", q.H1)
		if q.Mint {
			c = derived("contact", q.H1)
			k.contacts[q.H1] = c
		}
	}
	return event.Handles{Consent: c, Profiling: c, Period: q.Period, Erased: k.erased[q.H1]}
}

func (k *keyholder) Link(_ context.Context, r pseudonym.LinkRequest) (pseudonym.LinkAnswer, error) {
	k.links.Add(1)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return pseudonym.LinkAnswer{}, k.err
	}
	var a pseudonym.LinkAnswer
	for _, q := range r.Contact {
		switch c, ok := k.contacts[q.H1]; {
		case !ok:
		case a.Contact.Consent.IsZero():
			a.Contact.Consent = c
		case c != a.Contact.Consent && !a.Conflict:
			a.Second.Consent, a.Conflict = c, true
		}
	}
	if a.Contact.Consent.IsZero() {
		a.Contact.Consent = derived("contact", r.Contact[0].H1)
	}
	for _, q := range r.Contact {
		if _, ok := k.contacts[q.H1]; !ok {
			k.contacts[q.H1] = a.Contact.Consent
		}
	}
	if !r.Visitor.IsZero() {
		a.Visitor = k.handlesLocked(pseudonym.Query{H1: r.Visitor, Kind: event.KindVisitor})
	}
	return a, nil
}

func (k *keyholder) Find(_ context.Context, q pseudonym.Query) (event.Handles, bool, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, known := k.contacts[q.H1]
	return k.handlesLocked(q), known || q.Kind == event.KindVisitor, k.err
}

// BlindBoth makes the fake a blinder too.
func (k *keyholder) BlindBoth(s event.SiteID, kind event.IdentifierKind, value []byte) (pseudonym.Both, error) {
	h1, err := k.Blind(s, kind, value)
	return pseudonym.Both{H1: h1}, err
}

func (k *keyholder) Blind(_ event.SiteID, kind event.IdentifierKind, value []byte) (event.Blinded, error) {
	if len(value) == 0 {
		return event.Blinded{}, event.ErrIdentifier
	}
	return sha256.Sum256(append([]byte{byte(kind)}, value...)), nil
}

func h1(kind event.IdentifierKind, name string) event.Blinded {
	return sha256.Sum256(append([]byte{byte(kind)}, name...))
}

func visitor(name string) Identity {
	return Identity{H1: h1(event.KindVisitor, name), Kind: event.KindVisitor}
}

func user(name string) Identity {
	return Identity{H1: h1(event.KindUserID, name), Kind: event.KindUserID, Mint: true}
}

// slowStore is the real store with a gate before and after reading, and with
// faults in writing.
type slowStore struct {
	*control.Store
	before, after func(ctx context.Context)
	append        func(ctx context.Context, entries ...ledger.Entry) (control.Change, error)
}

func (s *slowStore) Append(ctx context.Context, entries ...ledger.Entry) (control.Change, error) {
	if s.append != nil {
		return s.append(ctx, entries...)
	}
	return s.Store.Append(ctx, entries...)
}

func (s *slowStore) Records(ctx context.Context, lookups []control.Lookup, out []control.Found) (event.Sequence, error) {
	if s.before != nil {
		s.before(ctx)
	}
	seq, err := s.Store.Records(ctx, lookups, out)
	if s.after != nil {
		s.after(ctx)
	}
	return seq, err
}

type world struct {
	t     testing.TB
	cfg   Config
	path  string
	keys  *keyholder
	store *control.Store
	slow  *slowStore
	set   *Set
}

func newWorld(tb testing.TB, change ...func(*Config)) *world {
	tb.Helper()
	w := &world{t: tb, cfg: DefaultConfig(), path: filepath.Join(tb.TempDir(), "control.db"), keys: newKeyholder()}
	w.cfg.Entries, w.cfg.Wait = 10_000, time.Millisecond
	for _, c := range change {
		c(&w.cfg)
	}
	w.open()
	tb.Cleanup(w.close)
	return w
}

func (w *world) open() {
	w.t.Helper()
	cfg := control.DefaultConfig(w.path)
	cfg.Busy = 50 * time.Millisecond
	var err error
	if w.store, err = control.Open(context.Background(), cfg); err != nil {
		w.t.Fatal(err)
	}
	w.slow = &slowStore{Store: w.store}
	if w.set, err = New(w.cfg, Deps{Resolver: w.keys, Store: w.slow, Policies: policies}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) close() {
	w.t.Helper()
	if err := errors.Join(w.set.Close(), w.set.Close(), w.store.Close()); err != nil {
		w.t.Error(err)
	}
}

func (w *world) load(ids ...Identity) []Entry {
	w.t.Helper()
	out := make([]Entry, len(ids))
	if err := w.set.Load(context.Background(), site, time.Now(), ids, out); err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) grant(h event.Handle, purpose event.PurposeID, on bool) event.Sequence {
	w.t.Helper()
	seq, err := w.set.SetConsent(context.Background(), site, h, purpose, on, "ana", ledger.ChannelAPI, "")
	if err != nil {
		w.t.Fatal(err)
	}
	return seq
}

func (w *world) profiling(h event.Handle, on bool) {
	w.t.Helper()
	if _, err := w.set.SetProfiling(context.Background(), site, h, on, "ana", "asked"); err != nil {
		w.t.Fatal(err)
	}
}

// profilingAllowed is the rule of the test: one grant, no refusal, no switch.
func profilingAllowed(entries ...Entry) bool {
	granted := false
	for i := range entries {
		e := &entries[i]
		held := e.Record().Purposes[bitProfiling].Choice
		if e.Record().State != consent.StateActive || e.Record().ProfilingOff || (held != consent.ChoiceUnset && held != consent.ChoiceGiven) {
			return false
		}
		granted = granted || held == consent.ChoiceGiven
	}
	return granted
}
