package renewal

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
)

// TestExpiryByTheClock: a grant is noted as expired on the first day on which it
// does not count any more, and not on the day before.
func TestExpiryByTheClock(t *testing.T) {
	var none time.Time
	day := func(y int, m time.Month, d, hour int) time.Time { return time.Date(y, m, d, hour, 0, 0, 0, time.UTC) }
	for name, c := range map[string]struct {
		purpose      event.PurposeID
		given, until time.Time
		stands, over time.Time
	}{
		"after a year":           {"analytics", day(2025, 3, 10, 12), none, day(2026, 3, 9, 23), day(2026, 3, 10, 0)},
		"given on a leap day":    {"analytics", day(2024, 2, 29, 12), none, day(2025, 2, 28, 23), day(2025, 3, 1, 0)},
		"an end of its own":      {"marketing", day(2026, 1, 1, 12), day(2026, 5, 1, 8), day(2026, 4, 30, 23), day(2026, 5, 1, 0)},
		"the earlier of the two": {"analytics", day(2026, 1, 1, 12), day(2026, 5, 1, 8), day(2026, 4, 30, 23), day(2026, 5, 1, 0)},
		"its end after renewal":  {"analytics", day(2025, 3, 10, 12), day(2028, 1, 1, 8), day(2026, 3, 9, 23), day(2026, 3, 10, 0)},
		"late on its last day":   {"marketing", day(2026, 1, 1, 12), day(2026, 5, 1, 23), day(2026, 4, 30, 23), day(2026, 5, 1, 0)},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t)
			h.give(t, event.Handle{1}, c.purpose, c.given, c.until)
			h.now = c.stands
			h.once(t, 0)
			h.now = c.over.Add(9 * time.Hour) // the day an end falls on is over as a whole
			h.once(t, 1)
			entries, err := h.store.History(t.Context(), site, event.Handle{1}, 10)
			if err != nil || len(entries) != 2 {
				t.Fatalf("%d entries, %v", len(entries), err)
			}
			h.once(t, 0)
			e := entries[1]
			if e.State != ledger.StateExpired || e.Purpose != c.purpose || e.Channel != ledger.ChannelClock || !e.At.Equal(h.now) || e.PurposeVersion != entries[0].PurposeVersion {
				t.Error("the entry does not say what it is")
			}
		})
	}
}

// TestNothingElseExpires: grants without an end, and what is no grant.
func TestNothingElseExpires(t *testing.T) {
	h := open(t)
	long := h.now.AddDate(-5, 0, 0)
	h.give(t, event.Handle{1}, "marketing", long, time.Time{})
	h.give(t, event.Handle{2}, "analytics", long, time.Time{})
	if _, err := h.Write(t.Context(), ledger.Entry{
		Site: site, Subject: event.Handle{2}, Purpose: "analytics", PurposeVersion: 2, State: ledger.StateWithdrawn,
		Type: ledger.EventExplicit, Channel: ledger.ChannelDialogue, At: long.AddDate(0, 1, 0),
	}); err != nil {
		t.Fatal(err)
	}
	h.give(t, event.Handle{3}, "analytics", h.now.AddDate(0, -11, 0), time.Time{})
	h.once(t, 0)
	if n := counted(t, h.reg); n != 0 {
		t.Errorf("%v were counted", n)
	}
}

// TestOneEntryForEachGrant: however often the job runs, with more grants than it
// handles at once, and on a second node that looked before the first one wrote.
func TestOneEntryForEachGrant(t *testing.T) {
	h := open(t)
	const all = 2*step + 7
	who := func(i int) (n event.Handle) {
		binary.BigEndian.PutUint32(n[:], uint32(i+1))
		return n
	}
	for i := range all {
		h.give(t, who(i), "analytics", h.now.AddDate(-2, 0, 0), time.Time{})
	}
	late := &lateReader{Store: h.store}
	if err := late.look(t); err != nil {
		t.Fatal(err)
	}
	h.once(t, all)
	if _, err := h.job(t, late, h).Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.once(t, 0)
	for i := range all {
		if got := h.states(t, who(i)); !slices.Equal(got, []ledger.State{ledger.StateGiven, ledger.StateExpired}) {
			t.Fatalf("the %dth has %v", i, got)
		}
	}
	if n := counted(t, h.reg); n != all {
		t.Errorf("%v were counted", n)
	}
}

// lateReader answers with what it saw before another node wrote.
type lateReader struct {
	*control.Store
	seen []control.Grant
}

func (l *lateReader) look(t *testing.T) (err error) {
	t.Helper()
	l.seen, err = l.Store.Lapsing(t.Context(), site, "analytics", time.Now(), time.Now(), event.Handle{}, 10*step)
	return err
}

func (l *lateReader) Lapsing(_ context.Context, _ event.SiteID, p event.PurposeID, _, _ time.Time, after event.Handle, limit int) ([]control.Grant, error) {
	if p != "analytics" {
		return nil, nil
	}
	for i, g := range l.seen {
		if bytes.Compare(g.Subject[:], after[:]) > 0 {
			return slices.Clone(l.seen[i:min(i+limit, len(l.seen))]), nil
		}
	}
	return nil, nil
}

// TestMinorsGrantsEnd: what a minor agreed to below the national age is noted as over
// on the day on which the minor comes of it.
func TestMinorsGrantsEnd(t *testing.T) {
	h := open(t)
	jo := event.Handle{1}
	if _, err := h.store.SetCountry(t.Context(), site, jo, "AT", "ana", "asked"); err != nil { // 14
		t.Fatal(err)
	}
	born := time.Date(2013, 1, 10, 0, 0, 0, 0, time.UTC)
	if _, err := h.store.SetMinor(t.Context(), site, jo, born.AddDate(18, 0, 0), "ana", "asked"); err != nil {
		t.Fatal(err)
	}
	h.give(t, jo, "marketing", time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC), time.Time{})
	h.now = time.Date(2027, 1, 9, 23, 0, 0, 0, time.UTC)
	h.once(t, 0)
	held := func() consent.Held {
		found := [1]control.Found{}
		if _, err := h.store.Records(t.Context(), []control.Lookup{{Policy: policy, Handle: jo}}, found[:]); err != nil {
			t.Fatal(err)
		}
		return found[0].Record.Purposes[1]
	}
	h.now = h.now.Add(time.Hour)
	if until := held().Until; until != consent.DayOf(h.now) {
		t.Errorf("decisions end it on %v", until.Time())
	}
	h.once(t, 1)
	if held().Choice != consent.ChoiceUnset {
		t.Error("the ledger still has the grant")
	}
	h.give(t, jo, "marketing", h.now, time.Time{}) // their own word now
	h.once(t, 0)
	if held().Choice != consent.ChoiceGiven {
		t.Error("what was agreed to since was ended")
	}
}

// TestGivenAgainMeanwhile: a node that looked before somebody renewed does not end
// the new grant.
func TestGivenAgainMeanwhile(t *testing.T) {
	h := open(t)
	jo := event.Handle{1}
	h.give(t, jo, "analytics", h.now.AddDate(-2, 0, 0), time.Time{})
	late := &lateReader{Store: h.store}
	if err := late.look(t); err != nil || len(late.seen) != 1 {
		t.Fatalf("%d seen, %v", len(late.seen), err)
	}
	h.give(t, jo, "analytics", h.now, time.Time{})
	if _, err := h.job(t, late, h).Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := h.states(t, jo); !slices.Equal(got, []ledger.State{ledger.StateGiven, ledger.StateRenewed}) {
		t.Errorf("entries: %v", got)
	}
}

// TestRenewal: whose grant ends soon is listed, then as expired, and not any more
// once it was given again; the new grant expires in its turn.
func TestRenewal(t *testing.T) {
	h := open(t)
	jo := event.Handle{1}
	h.give(t, jo, "analytics", h.now.AddDate(-1, 0, 5), time.Time{})
	if asks := h.list(t, 24*time.Hour); len(asks) != 0 {
		t.Errorf("five days before, of those of one day: %v", asks)
	}
	soon := Ask{Subject: jo, Purpose: "analytics", At: h.now.AddDate(0, 0, 5).Truncate(24 * time.Hour)}
	if asks := h.list(t, 10*24*time.Hour); len(asks) != 1 || asks[0] != soon {
		t.Errorf("five days before: %v", asks)
	}
	h.now = h.now.AddDate(0, 0, 5)
	h.once(t, 1)
	if asks := h.list(t, 10*24*time.Hour); len(asks) != 1 || !asks[0].Expired || !asks[0].At.Equal(h.now) {
		t.Errorf("expired: %v", asks)
	}
	h.give(t, jo, "analytics", h.now.Add(time.Hour), time.Time{})
	if asks := h.list(t, 10*24*time.Hour); len(asks) != 0 {
		t.Errorf("given again: %v", asks)
	}
	h.once(t, 0)
	h.now = h.now.AddDate(1, 0, 1)
	h.once(t, 1)
	want := []ledger.State{ledger.StateGiven, ledger.StateExpired, ledger.StateRenewed, ledger.StateExpired}
	if got := h.states(t, jo); !slices.Equal(got, want) {
		t.Errorf("entries: %v", got)
	}
}

// TestListStops with the error of whoever is handed the list.
func TestListStops(t *testing.T) {
	h := open(t)
	for i := range byte(3) {
		h.give(t, event.Handle{1 + i}, "analytics", h.now.AddDate(-2, 0, 0), time.Time{})
	}
	enough := errors.New("enough")
	for _, noted := range []bool{false, true} {
		if noted {
			h.once(t, 3)
		}
		seen := 0
		err := h.List(t.Context(), policy, time.Hour, func(Ask) error { seen++; return enough })
		if !errors.Is(err, enough) || seen != 1 {
			t.Errorf("%d seen, %v", seen, err)
		}
	}
}

// TestRunTriesAgain: a failure is told of and tried again in ten minutes, without
// being counted; after that the job looks once a day, and ends with its context.
func TestRunTriesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		f := &frail{fail: errors.New("away"), found: []control.Grant{{Subject: event.Handle{1}, Version: 2, Given: began.AddDate(-2, 0, 0), Sequence: 7}}}
		var log bytes.Buffer
		j, err := New(Deps{Store: f, People: f, Policies: []*consent.Policy{policy}, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- j.Run(ctx) }()
		synctest.Wait()
		if looked, _, dropped := f.did(); looked != 1 || len(dropped) != 0 || strings.Count(log.String(), "tried again") != 1 {
			t.Errorf("looked %d times, dropped %d times, said %s", looked, len(dropped), log.String())
		}
		f.works()
		time.Sleep(retry)
		synctest.Wait()
		looked, entries, dropped := f.did()
		if looked != 2 || len(entries) != 1 || len(dropped) != 1 {
			t.Fatalf("after %v: looked %d times, %d entries", retry, looked, len(entries))
		}
		if at := began.Add(retry).AddDate(0, -1, 0); !dropped[0].Equal(at) {
			t.Errorf("links before %v were forgotten, not %v", dropped[0], at)
		}
		time.Sleep(Every - time.Second)
		synctest.Wait()
		if looked, _, _ = f.did(); looked != 2 {
			t.Error("it looked again within a day")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if looked, entries, _ = f.did(); looked != 3 || entries[0].Key != entries[1].Key {
			t.Errorf("after a day: looked %d times", looked)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// TestFailureOfTheStore: what cannot be looked for is an error, and nothing is
// written.
func TestFailureOfTheStore(t *testing.T) {
	h := open(t)
	h.give(t, event.Handle{1}, "analytics", h.now.AddDate(-2, 0, 0), time.Time{})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := h.Once(gone); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("%d, %v", n, err)
	}
	if err := h.List(gone, policy, time.Hour, func(Ask) error { t.Error("somebody is listed"); return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("list: %v", err)
	}
	h.once(t, 1)
}

func TestNewNeedsItsParts(t *testing.T) {
	h := open(t)
	logger := slog.New(slog.DiscardHandler)
	for name, deps := range map[string]Deps{
		"store":  {People: h, Logger: logger},
		"people": {Store: h.store, Logger: logger},
		"logger": {Store: h.store, People: h},
	} {
		if _, err := New(deps); err == nil {
			t.Errorf("without a %s", name)
		}
	}
	if _, err := New(Deps{Store: h.store, People: h, Logger: logger, Registerer: h.reg}); err == nil {
		t.Error("two jobs with the metrics of one")
	}
}

// TestRestrictedAreNotAsked: nobody is asked again who is restricted or erased, whether
// their grant is over or ends soon.
func TestRestrictedAreNotAsked(t *testing.T) {
	h := open(t)
	year := h.now.AddDate(-1, 0, 3) // ends in three days
	for i := range byte(4) {
		h.give(t, event.Handle{1, i}, "analytics", year, time.Time{})
		h.give(t, event.Handle{2, i}, "analytics", h.now.AddDate(-2, 0, 0), time.Time{})
	}
	if _, err := h.Once(t.Context()); err != nil {
		t.Fatal(err)
	}
	for n, state := range map[byte]ledger.State{1: ledger.StateRestricted, 2: ledger.StateErased} {
		for _, first := range []byte{1, 2} {
			if _, err := h.Write(t.Context(), ledger.Entry{Site: site, Subject: event.Handle{first, n}, State: state, Type: ledger.EventExplicit, Channel: ledger.ChannelOperator, At: h.now}); err != nil {
				t.Fatal(err)
			}
		}
	}
	asked := map[event.Handle]bool{}
	if err := h.List(t.Context(), policy, 7*24*time.Hour, func(a Ask) error { asked[a.Subject] = a.Expired; return nil }); err != nil {
		t.Fatal(err)
	}
	want := map[event.Handle]bool{{1, 0}: false, {1, 3}: false, {2, 0}: true, {2, 3}: true}
	if !maps.Equal(asked, want) {
		t.Errorf("%d are asked", len(asked))
	}
}
