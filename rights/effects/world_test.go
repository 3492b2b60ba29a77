package effects_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/csv"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/activity"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/engine/enginetest"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/record"
	"zgoda/rights"
	"zgoda/rights/effects"
	"zgoda/rights/reach"
	"zgoda/subjects"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const shop = event.SiteID("shop")

// The bits of the policy's purposes.
const (
	bitMeasurement = iota
	bitAnalytics
	bitProfiling
	bitMarketing
	bitAdvice // profiling too
	bitOrders // a contract
	bitReach  // analytics on legitimate interest
)

var policy = &consent.Policy{Site: shop, Version: 1, Revision: 1, Purposes: []consent.Purpose{
	{ID: "measurement", Bit: bitMeasurement, Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1, GPC: consent.ReachIgnore, DNT: consent.ReachIgnore},
	{ID: "analytics", Bit: bitAnalytics, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1},
	{ID: "profiling", Bit: bitProfiling, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
	{ID: "marketing", Bit: bitMarketing, Kind: consent.KindMarketing, Basis: consent.BasisConsent, Version: 1},
	{ID: "advice", Bit: bitAdvice, Kind: consent.KindProfiling, Basis: consent.BasisConsent, Version: 1},
	{ID: "orders", Bit: bitOrders, Kind: consent.KindMeasurement, Basis: consent.BasisContract, Version: 1},
	{ID: "reach", Bit: bitReach, Kind: consent.KindAnalytics, Basis: consent.BasisLegitimateInterest, Version: 1},
}}

// vault is a keyholder that knows people by a number.
type vault struct {
	mu    sync.Mutex
	open  map[[16]byte]int
	known map[int][]pseudonym.CasePseudonym
	alone map[int]bool // visitors without a contact, whom nobody finds by a handle
}

func handle(what string, n int) event.Handle {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", what, n))
	return event.Handle(sum[:16])
}

func (v *vault) person(n int) []pseudonym.CasePseudonym {
	return []pseudonym.CasePseudonym{
		{Handle: handle("consent", n), Purpose: "consent"},
		{Handle: handle("profiling", n), Purpose: "profiling"},
		{Handle: handle("analytics", n), Purpose: "analytics"},
		{Handle: handle("visitor", n), Purpose: "consent", Visitor: 1},
		{Handle: handle("visitor's", n), Purpose: "profiling", Visitor: 1},
	}
}

func (v *vault) find(w *pseudonym.Who) (int, bool) {
	if len(w.Sealed) > 0 {
		return int(w.Sealed[0]), true
	}
	for n, list := range v.known {
		if w.Value == fmt.Sprint(n) || !v.alone[n] && !w.Handle.IsZero() && w.Handle == list[0].Handle {
			return n, true
		}
	}
	return 0, false
}

func (v *vault) OpenCases(_ context.Context, list []pseudonym.CaseOf) ([]pseudonym.OpenedCase, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]pseudonym.OpenedCase, len(list))
	for i, c := range list {
		out[i] = pseudonym.OpenedCase{ID: c.ID, State: pseudonym.CaseUnknown}
		if n, known := v.find(&c.Who); known {
			v.open[c.ID] = n
			out[i].State, out[i].Pseudonyms = pseudonym.CaseOpen, v.known[n]
		}
	}
	return out, nil
}

func (v *vault) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		if n, there := v.open[id]; there {
			if err := yield(pseudonym.CasePiece{ID: id, Pseudonyms: v.known[n]}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *vault) PseudonymsOf(_ context.Context, handles []event.Handle, yield func(pseudonym.CasePiece) error) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for n, list := range v.known {
		if v.alone[n] {
			continue
		}
		if at := slices.Index(handles, list[0].Handle); at >= 0 {
			if err := yield(pseudonym.CasePiece{Handle: handles[at], Pseudonyms: list}); err != nil {
				return err
			}
		}
	}
	return nil
}

func (v *vault) CloseCases(_ context.Context, ids [][16]byte) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, id := range ids {
		delete(v.open, id)
	}
	return nil
}

func (v *vault) ListCases(context.Context, func(pseudonym.ListedCase) error) error { return nil }

func (v *vault) cases() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.open)
}

// Resolve and Link are the keyholder of the consent set, which these tests ask
// nothing of it.
func (v *vault) Resolve(context.Context, []pseudonym.Query) ([]event.Handles, error) {
	return nil, context.Canceled
}

func (v *vault) Link(context.Context, pseudonym.LinkRequest) (pseudonym.LinkAnswer, error) {
	return pseudonym.LinkAnswer{}, context.Canceled
}

// world is everything but the keyholder for real: one engine, one control store, one
// consent set.
type world struct {
	t       *testing.T
	vault   *vault
	store   *control.Store
	set     *subjects.Set
	rows    *activity.Store
	room    *enginetest.Room
	rights  *rights.Service
	effects *effects.Effects
	reach   *reach.Reach
	policy  reach.Histories
	people  int
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, vault: &vault{open: map[[16]byte]int{}, known: map[int][]pseudonym.CasePseudonym{}, alone: map[int]bool{}}}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	w.room = enginetest.StartRoom(t)
	access := w.room.Access
	cfg := activity.DefaultConfig()
	cfg.Address, cfg.Database, cfg.User, cfg.Password = access.Address, "zgoda", access.Admin.User, access.Admin.Password.Reveal()
	var err error
	w.rows, err = activity.Open(t.Context(), cfg)
	must(err)
	t.Cleanup(func() { _ = w.rows.Close() })
	must(w.rows.Migrate(t.Context()))
	w.store, err = control.Open(t.Context(), control.DefaultConfig(filepath.Join(t.TempDir(), "control", "control.db")))
	must(err)
	t.Cleanup(func() { must(w.store.Close()) })
	policies := func(s event.SiteID) *consent.Policy {
		if s == shop {
			return policy
		}
		return nil
	}
	w.set, err = subjects.New(subjects.DefaultConfig(), subjects.Deps{Resolver: w.vault, Store: w.store, Policies: policies})
	must(err)
	t.Cleanup(func() { must(w.set.Close()) })
	w.rights, err = rights.New(rights.DefaultConfig(), rights.Deps{Store: w.store, Cases: w.vault})
	must(err)
	w.reach, err = reach.New(reach.Deps{
		Store: w.store, Cases: w.vault, Records: w.set, Hider: w.rows, Policies: policies, Histories: func(event.SiteID) reach.Histories { return w.policy },
	})
	must(err)
	w.rights.Keep(w.reach.Needs)
	w.effects, err = effects.New(effects.Deps{
		Subjects: w.set, Cases: w.vault, Store: w.store, Hidden: w.rows, Finisher: w.rights, Sites: func() []event.SiteID { return []event.SiteID{shop} },
		Policies: policies, Kept: func(event.SiteID) bool { return w.policy.ProfilingOff == reach.Keep },
	})
	must(err)
	for _, right := range effects.Rights {
		w.rights.Use(right, w.effects)
	}
	must(w.effects.Hider().Fill(t.Context()))
	return w
}

// meet makes a contact that agreed to everything, with rows of its own.
func (w *world) meet(rows ...record.Record) int {
	w.t.Helper()
	w.people++
	n := w.people
	w.vault.mu.Lock()
	w.vault.known[n] = w.vault.person(n)
	w.vault.mu.Unlock()
	var entries []ledger.Entry
	for i := range policy.Purposes {
		if p := &policy.Purposes[i]; p.Basis == consent.BasisConsent {
			e := w.entry(n, ledger.StateGiven)
			e.Purpose, e.PurposeVersion = p.ID, p.Version
			entries = append(entries, e)
		}
	}
	w.write(entries...)
	w.insert(fmt.Sprint("of ", n), rows...)
	return n
}

func (w *world) entry(n int, state ledger.State) ledger.Entry {
	return ledger.Entry{
		Site: shop, Subject: handle("consent", n), State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelDialogue, At: time.Now().UTC().Truncate(time.Microsecond),
	}
}

func (w *world) write(entries ...ledger.Entry) {
	w.t.Helper()
	if _, err := w.set.Write(w.t.Context(), entries...); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) insert(token string, rows ...record.Record) {
	w.t.Helper()
	encoded := make([][]byte, len(rows))
	for i := range rows {
		encoded[i] = record.Append(nil, &rows[i])
	}
	if err := w.rows.Insert(w.t.Context(), token, encoded); err != nil {
		w.t.Fatal(err)
	}
}

// rowOf is a row of somebody.
func rowOf(subject event.Handle, id string, scope event.Scope, at time.Time, bits ...uint8) record.Record {
	var purposes event.PurposeSet
	for _, b := range bits {
		purposes = purposes.With(b)
	}
	return record.Record{
		Site: shop, Type: event.TypeTrack, Scope: scope, MessageID: id, Time: at, ReceivedAt: at, ExpiresAt: at.AddDate(1, 0, 0), Subject: subject,
		Name: "Viewed", Purposes: purposes, DecidedBy: "ledger", PolicyVersion: 1, KeyVersion: 1,
	}
}

// count counts somebody's rows in a table or a view.
func (w *world) count(from string, n int) (rows uint64) {
	w.t.Helper()
	p, a := handle("profiling", n), handle("analytics", n)
	lines := w.ask(fmt.Sprintf("SELECT count() FROM %s WHERE subject IN (unhex('%x'), unhex('%x'))", from, p[:], a[:]))
	rows, err := strconv.ParseUint(lines[0][0], 10, 64)
	if err != nil {
		w.t.Fatal(err)
	}
	return rows
}

// ask answers a query, without the names of its columns.
func (w *world) ask(query string) [][]string {
	w.t.Helper()
	var out bytes.Buffer
	if err := w.rows.Query(w.t.Context(), query, &out, activity.CSV); err != nil {
		w.t.Fatal(err)
	}
	lines, err := csv.NewReader(&out).ReadAll()
	if err != nil || len(lines) < 1 {
		w.t.Fatalf("%d lines, %v", len(lines), err)
	}
	return lines[1:]
}

// reached lets everything that was withdrawn go, as a batch of erasures does.
func (w *world) reached(batch byte) {
	w.t.Helper()
	must := func(err error) {
		w.t.Helper()
		if err != nil {
			w.t.Fatal(err)
		}
	}
	ctx := w.t.Context()
	must(w.reach.Look(ctx))
	people, err := w.reach.Take(ctx, [16]byte{batch}, 10_000)
	must(err)
	again, err := w.reach.Take(ctx, [16]byte{batch}, 10_000)
	must(err)
	if len(again) != len(people) {
		w.t.Fatalf("a batch has %d people, and %d when it asks again", len(people), len(again))
	}
	if len(people) > 0 {
		for i := range people {
			people[i].Number = uint32(i)
		}
		e, err := w.rows.Erasing(ctx)
		must(err)
		must(e.Add(ctx, people))
		_, err = e.Count(ctx)
		must(err)
		name, _, err := e.Copy(ctx)
		must(err)
		must(e.Delete(ctx, func(string, string) error { return nil }))
		must(e.Settle(ctx))
		_, err = e.Prove(ctx)
		must(err)
		if name != "" {
			_, err = w.rows.MoveIn(ctx, name)
			must(err)
		}
		must(e.End(ctx))
	}
	must(w.reach.Gone(ctx, [16]byte{batch}))
	if more, err := w.reach.Waiting(ctx); err != nil || more {
		w.t.Fatalf("something waits still: %v", err)
	}
}
