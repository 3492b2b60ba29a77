package control

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const site = event.SiteID("shop")

var policy = &consent.Policy{Site: site, Version: 1, Purposes: []consent.Purpose{
	{ID: "measurement", Bit: 0, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1},
	{ID: "analytics", Bit: 3, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 2},
	{ID: "profiling", Bit: 7, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
}}

func handle(n byte) event.Handle { return event.Handle{0: n, 15: 1} }

func config(t *testing.T) Config {
	t.Helper()
	cfg := DefaultConfig(filepath.Join(t.TempDir(), "control", "control.db"))
	cfg.Timeout = 30 * time.Second // the race detector makes SQLite twenty times slower
	return cfg
}

func open(t *testing.T, cfg Config) *Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func entry(subject event.Handle, state ledger.State, purpose event.PurposeID) ledger.Entry {
	return ledger.Entry{
		Site: site, Subject: subject, State: state, Purpose: purpose, PurposeVersion: 1, Type: ledger.EventExplicit,
		Channel: ledger.ChannelDialogue, Surface: "dialogue", Locale: "pl", Actor: "ana", Reason: "asked by phone",
		At: time.Date(2026, 11, 22, 1, 2, 3, 4000, time.UTC),
	}
}

func appendAll(t *testing.T, s *Store, entries ...ledger.Entry) Change {
	t.Helper()
	c, err := s.Append(t.Context(), entries...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func found(t *testing.T, s *Store, l Lookup) Found {
	t.Helper()
	if l.Policy == nil {
		l.Policy = policy
	}
	out := make([]Found, 1)
	seq, err := s.Records(t.Context(), []Lookup{l}, out)
	if err != nil {
		t.Fatal(err)
	}
	if seq != out[0].Record.Sequence {
		t.Fatalf("sequence %d, record's %d", seq, out[0].Record.Sequence)
	}
	return out[0]
}

func contractAppendAppliesEveryState(t *testing.T, cfg Config) {
	t.Helper()
	a := handle(1)
	for _, c := range []struct {
		name    string
		entries []ledger.Entry
		want    consent.Record
	}{
		{"nothing", nil, consent.Record{}},
		{"given", []ledger.Entry{entry(a, ledger.StateGiven, "analytics")}, purposes(3, consent.ChoiceGiven)},
		{"refused", []ledger.Entry{entry(a, ledger.StateRefused, "analytics")}, purposes(3, consent.ChoiceRefused)},
		{"refused after given is withdrawn", []ledger.Entry{entry(a, ledger.StateGiven, "analytics"), entry(a, ledger.StateRefused, "analytics")}, purposes(3, consent.ChoiceWithdrawn)},
		{"given again", []ledger.Entry{entry(a, ledger.StateRefused, "profiling"), entry(a, ledger.StateGiven, "profiling")}, purposes(7, consent.ChoiceGiven)},
		{"objected", []ledger.Entry{entry(a, ledger.StateObjected, "measurement")}, purposes(0, consent.ChoiceObjected)},
		{"unknown purpose", []ledger.Entry{entry(a, ledger.StateGiven, "gone")}, consent.Record{}},
		{"off", []ledger.Entry{entry(a, ledger.StateProfilingOff, "")}, consent.Record{ProfilingOff: true}},
		{"off and on", []ledger.Entry{entry(a, ledger.StateProfilingOff, ""), entry(a, ledger.StateProfilingOn, "")}, consent.Record{}},
		{"restricted", []ledger.Entry{entry(a, ledger.StateRestricted, "")}, consent.Record{State: consent.StateRestricted}},
		{"unrestricted", []ledger.Entry{entry(a, ledger.StateRestricted, ""), entry(a, ledger.StateUnrestricted, "")}, consent.Record{}},
		{"erased", []ledger.Entry{entry(a, ledger.StateErased, ""), entry(a, ledger.StateUnrestricted, "")}, consent.Record{State: consent.StateErased}},
		{"erased, then off", []ledger.Entry{entry(a, ledger.StateErased, ""), entry(a, ledger.StateProfilingOff, "")}, consent.Record{State: consent.StateErased, ProfilingOff: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := open(t, another(t, cfg))
			for _, e := range c.entries {
				appendAll(t, s, e)
			}
			c.want.Sequence = event.Sequence(len(c.entries))
			if got := found(t, s, Lookup{Handle: a}).Record; got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
			if got := found(t, s, Lookup{Handle: a, Policy: &consent.Policy{Site: "other"}}).Record; got != (consent.Record{Sequence: c.want.Sequence}) {
				t.Errorf("another site sees %+v", got)
			}
		})
	}
}

func purposes(bit int, c consent.Choice) consent.Record {
	var r consent.Record
	r.Purposes[bit] = consent.Held{Choice: c, Version: 1, Dialogue: true}
	return r
}

func contractRefusalsReachLinkedVisitorsAndGrantsDoNot(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	contact, visitor, stranger := handle(1), handle(2), handle(3)
	appendAll(t, s, entry(visitor, ledger.StateGiven, "profiling"), entry(contact, ledger.StateGiven, "analytics"))
	c, err := s.Link(t.Context(), site, contact, visitor)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.Affected, []event.Handle{visitor}) {
		t.Fatal("a link affects the visitor")
	}
	f := found(t, s, Lookup{Handle: visitor})
	if f.Record.Purposes[3].Choice != consent.ChoiceUnset {
		t.Error("the contact's grant reached the visitor")
	}
	if !slices.Equal(f.Contacts, []event.Handle{contact}) {
		t.Error("the link is not told")
	}
	c = appendAll(t, s, entry(contact, ledger.StateRefused, "profiling"))
	if !slices.Equal(c.Affected, []event.Handle{contact, visitor}) {
		t.Error("a contact's change affects its visitors")
	}
	if got := found(t, s, Lookup{Handle: visitor}); got.Record.Purposes[7].Choice != consent.ChoiceRefused || !got.Refuses {
		t.Error("the contact's refusal did not reach the visitor")
	}
	if _, err := s.SetProfiling(t.Context(), site, contact, false, "ana", "asked"); err != nil {
		t.Fatal(err)
	}
	appendAll(t, s, entry(contact, ledger.StateRestricted, ""))
	if got := found(t, s, Lookup{Handle: visitor}).Record; !got.ProfilingOff || got.State != consent.StateRestricted {
		t.Error("the contact's switch and restriction did not reach the visitor")
	}
	if got := found(t, s, Lookup{Handle: stranger}).Record; got != (consent.Record{Sequence: s.Sequence()}) {
		t.Error("a stranger was affected")
	}
	appendAll(t, s, entry(visitor, ledger.StateRefused, "analytics"))
	if got := found(t, s, Lookup{Handle: contact}).Record; got.Purposes[3].Choice != consent.ChoiceGiven {
		t.Error("a visitor's refusal changed the contact's record")
	}
}

func contractAppendIsIdempotentByKey(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	e := entry(handle(1), ledger.StateGiven, "analytics")
	e.Key = "import-1"
	first := appendAll(t, s, e)
	appendAll(t, s, entry(handle(1), ledger.StateRefused, "analytics"))
	again := appendAll(t, s, e)
	if again.Sequence != first.Sequence || !slices.Equal(again.Affected, first.Affected) {
		t.Error("the same key answered something else")
	}
	if s.Sequence() != 2 || found(t, s, Lookup{Handle: handle(1)}).Record.Purposes[3].Choice != consent.ChoiceWithdrawn {
		t.Error("the same key was written twice")
	}
	e.Site = "other"
	if c := appendAll(t, s, e); c.Sequence != 3 {
		t.Error("a key is of one site")
	}
	if _, err := s.Link(t.Context(), site, handle(1), handle(2)); err != nil {
		t.Fatal(err)
	}
	if c, err := s.Link(t.Context(), site, handle(1), handle(2)); err != nil || c.Sequence != 4 || s.Sequence() != 4 {
		t.Errorf("a link is written once: %v", err)
	}
}

func contractAppendIsAllOrNothing(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	bad := entry(handle(1), ledger.StateGiven, "")
	if _, err := s.Append(t.Context(), entry(handle(1), ledger.StateGiven, "analytics"), bad); !errors.Is(err, ledger.ErrEntry) {
		t.Fatalf("got %v", err)
	}
	if s.Sequence() != 0 {
		t.Error("half a change was written")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Append(ctx, entry(handle(1), ledger.StateGiven, "analytics")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func contractConcurrentAppendsAreOneChain(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	const writers, each = 16, 20
	var wg sync.WaitGroup
	seen := make(chan event.Sequence, writers*each)
	for w := range writers {
		wg.Go(func() {
			for range each {
				c, err := s.Append(context.Background(), entry(handle(byte(w)), ledger.StateGiven, "analytics"))
				if err != nil {
					t.Error(err)
				}
				seen <- c.Sequence
			}
		})
	}
	wg.Wait()
	close(seen)
	all := map[event.Sequence]bool{}
	for seq := range seen {
		all[seq] = true
	}
	heads, err := s.Verify(t.Context())
	if err != nil || len(heads) != 1 || heads[0].Sequence != writers*each || len(all) != writers*each {
		t.Errorf("heads %v, %d sequences, %v", heads, len(all), err)
	}
}

func contractRestartKeepsEverything(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	appendAll(t, s, entry(handle(1), ledger.StateProfilingOff, ""))
	token, err := s.CreateToken(t.Context(), RoleAdministrator, "me")
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Error("closing twice must be fine")
	}
	if _, err := s.Append(t.Context(), entry(handle(1), ledger.StateProfilingOn, "")); !errors.Is(err, ErrClosed) {
		t.Errorf("append after close: %v", err)
	}
	s = open(t, cfg)
	if s.Sequence() != 1 || !found(t, s, Lookup{Handle: handle(1)}).Record.ProfilingOff {
		t.Error("the switch was lost")
	}
	if _, ok, err := s.CheckToken(t.Context(), token); !ok || err != nil {
		t.Error("the token was lost")
	}
}

func contractRecordsInOneBatch(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	other := &consent.Policy{Site: "other", Purposes: policy.Purposes}
	appendAll(t, s, entry(handle(1), ledger.StateGiven, "analytics"))
	lookups := make([]Lookup, 1500)
	for i := range lookups {
		lookups[i] = Lookup{Policy: policy, Handle: event.Handle{1: byte(i), 2: byte(i >> 8), 15: 9}}
	}
	lookups[700].Handle = handle(1)
	lookups[1499] = Lookup{Policy: other, Handle: handle(1)}
	out := make([]Found, len(lookups))
	if _, err := s.Records(t.Context(), lookups, out); err != nil {
		t.Fatal(err)
	}
	for i := range out {
		if given := out[i].Record.Purposes[3].Choice == consent.ChoiceGiven; given != (i == 700) {
			t.Errorf("lookup %d: given is %v", i, given)
		}
	}
	if _, err := s.Records(t.Context(), lookups, out[:1]); err == nil {
		t.Error("too few places were accepted")
	}
	if _, err := s.Records(t.Context(), []Lookup{{Handle: handle(1)}}, out); err == nil {
		t.Error("a lookup without a policy was answered")
	}
}

func contractHistory(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	e := entry(handle(1), ledger.StateGiven, "analytics")
	e.GPC, e.ADPC, e.TextHash, e.RawSignal = true, true, [32]byte{7}, "raw"
	appendAll(t, s, e, entry(handle(2), ledger.StateGiven, "analytics"), entry(handle(1), ledger.StateRefused, "analytics"))
	got, err := s.History(t.Context(), site, handle(1), 10)
	if err != nil || len(got) != 2 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	e.Writer, e.Number, e.Sequence, e.Hash = cfg.Node, 1, 1, got[0].Hash
	if got[0] != e {
		t.Error("what was written is not what is read")
	}
	if got[1].State != ledger.StateWithdrawn || got[1].Sequence != 3 {
		t.Error("the second entry is not the withdrawal")
	}
	if got, err = s.History(t.Context(), site, handle(1), 1); err != nil || len(got) != 1 || got[0].Sequence != 3 {
		t.Errorf("the limit keeps the latest: %v", err)
	}
	if got, err = s.History(t.Context(), "other", handle(1), 10); err != nil || len(got) != 0 {
		t.Errorf("another site sees the history: %v", err)
	}
	for after, want := range []int{2, 1, 1, 0} {
		got, err := s.Since(t.Context(), site, handle(1), event.Sequence(after), 10)
		if err != nil || len(got) != want || want > 0 && got[want-1].Sequence != 3 {
			t.Errorf("after %d: %d entries, %v", after, len(got), err)
		}
	}
	if got, err = s.Since(t.Context(), site, handle(1), 0, 1); err != nil || len(got) != 1 || got[0].Sequence != 1 {
		t.Errorf("the limit keeps the first: %v", err)
	}
	if got, err = s.Since(t.Context(), "other", handle(1), 0, 10); err != nil || len(got) != 0 {
		t.Errorf("another site sees what changed: %v", err)
	}
}

func BenchmarkAppend(b *testing.B) {
	s, err := Open(b.Context(), DefaultConfig(filepath.Join(b.TempDir(), "control.db")))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := s.Append(context.Background(), entry(handle(1), ledger.StateGiven, "analytics")); err != nil {
				b.Error(err)
			}
		}
	})
}
