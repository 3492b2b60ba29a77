package rotation

import (
	"context"
	"errors"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"zgoda/event"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/vault"
)

const some = 250

func TestSlotIsRewrapped(t *testing.T) {
	h := started(t)
	h.mint(0, some)
	before := h.all(some)
	for range 2 {
		h.must(h.rotator.Start(t.Context(), Slot, Options{}))
		h.must(h.rotator.Work(t.Context()))
		if left, _, _, err := h.vault.Remaining(t.Context(), h.ring.Slots().Current()-1, 0, 0); err != nil || left != 0 {
			t.Errorf("%d contacts are under the old slot key, %v", left, err)
		}
		h.reopen()
		if !slices.Equal(h.all(some), before) {
			t.Error("contacts changed")
		}
	}
	if h.count(Slot, keyring.StateCurrent) != 1 || h.count(Slot, keyring.StateDestroyed) != 2 || h.ring.Slots().Current() != 3 {
		t.Errorf("states %v", h.states(Slot))
	}
	if !slices.Contains(h.acts, "destroyed slot") {
		t.Errorf("records %q", h.acts)
	}
}

// TestLinkRotatesUnderLoad: while every identifier gets a new index, each contact
// is found at each moment, and new ones are made.
func TestLinkRotatesUnderLoad(t *testing.T) {
	h := started(t)
	h.batch = 10
	h.reopen()
	h.mint(0, some)
	before := h.all(some)
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for worker := range 2 {
		load.Go(func() {
			for n := worker; ctx.Err() == nil; n = (n + 1) % some {
				if got, err := h.handles(n); err != nil || got != before[n] {
					t.Errorf("contact %d while it rotates: %v", n, err)
					return
				}
			}
		})
	}
	minted := some
	load.Go(func() {
		for ctx.Err() == nil {
			h.mint(minted, minted+1)
			minted++
		}
	})
	for range 2 {
		h.must(h.rotator.Start(t.Context(), Link, Options{}))
		h.must(h.rotator.Work(t.Context()))
	}
	stop()
	load.Wait()
	h.reopen()
	all := h.all(minted)
	if !slices.Equal(all[:some], before) {
		t.Error("contacts changed")
	}
	if h.count(Link, keyring.StateKept) != 2 || h.ring.Carrying(Link) {
		t.Errorf("states %v", h.states(Link))
	}
	if identifiers, contacts := h.vault.Counts(); identifiers != minted || contacts != minted {
		t.Errorf("%d identifiers of %d contacts, want %d", identifiers, contacts, minted)
	}
}

// TestProfilingIsMapped: the map leads from each contact's old pseudonym to the
// new one, until the gateways are done; then the old key stays for this year's
// visitors alone.
func TestProfilingIsMapped(t *testing.T) {
	h := started(t)
	h.mint(0, some)
	before := h.all(some)
	if err := h.rotator.PurposeMap(t.Context(), nil); !errors.Is(err, ErrNotOpen) {
		t.Errorf("a map without a rotation: %v", err)
	}
	h.must(h.rotator.Start(t.Context(), Profiling, Options{}))
	h.must(h.rotator.Work(t.Context()))
	if err := h.rotator.Start(t.Context(), Profiling, Options{}); !errors.Is(err, ErrUnderWay) {
		t.Errorf("a second rotation: %v", err)
	}
	h.reopen()
	after := h.all(some)
	mapped := map[event.Handle]event.Handle{}
	h.must(h.rotator.PurposeMap(t.Context(), func(from, to uint32, old, current []event.Handle) bool {
		for i := range old {
			mapped[old[i]] = current[i]
		}
		if event.KeyVersion(from) != before[0].Version || event.KeyVersion(to) != after[0].Version {
			t.Errorf("versions %d and %d", from, to)
		}
		return true
	}))
	for n := range some {
		if mapped[before[n].Profiling] != after[n].Profiling || after[n].Profiling == before[n].Profiling || after[n].Consent != before[n].Consent {
			t.Fatalf("contact %d is not mapped", n)
		}
	}
	for range 2 {
		h.must(h.rotator.Done(t.Context(), Profiling))
	}
	if h.count(Profiling, keyring.StateKept) != 1 || h.ring.Carrying(Profiling) {
		t.Errorf("states %v", h.states(Profiling))
	}
	h.at = h.at.AddDate(0, 2, 0)
	h.must(h.rotator.Work(t.Context()))
	if h.count(Profiling, keyring.StateKept) != 0 || h.count(Profiling, keyring.StateDestroyed) != 1 {
		t.Errorf("states after the year %v", h.states(Profiling))
	}
}

// TestMapStops when its reader does.
func TestMapStops(t *testing.T) {
	h := started(t)
	h.mint(0, some)
	h.must(h.rotator.Start(t.Context(), Profiling, Options{}))
	h.must(h.rotator.Work(t.Context()))
	calls := 0
	h.must(h.rotator.PurposeMap(t.Context(), func(uint32, uint32, []event.Handle, []event.Handle) bool {
		calls++
		return false
	}))
	if calls != 1 {
		t.Errorf("%d calls", calls)
	}
}

func TestProfilingIsCut(t *testing.T) {
	h := started(t)
	h.mint(0, 3)
	before := h.all(3)
	d := h.deriver()
	visitor := d.Visitor(numbered(9), 0)
	d.Release()
	h.must(h.rotator.Start(t.Context(), Profiling, Options{Cut: true}))
	h.must(h.rotator.Work(t.Context()))
	h.reopen()
	d = h.deriver()
	defer d.Release()
	if after := h.all(3); after[0].Profiling == before[0].Profiling || d.Visitor(numbered(9), 0).Profiling == visitor.Profiling {
		t.Error("something was not cut")
	}
	if h.count(Profiling, keyring.StateDestroyed) != 1 || len(h.states(Profiling)) != 2 {
		t.Errorf("states %v", h.states(Profiling))
	}
}

// TestCutEndsAMappingThatWaits: the operator may give up the rewriting.
func TestCutEndsAMappingThatWaits(t *testing.T) {
	h := started(t)
	h.must(h.rotator.Start(t.Context(), Profiling, Options{}))
	h.must(h.rotator.Work(t.Context()))
	h.must(h.rotator.Start(t.Context(), Profiling, Options{Cut: true}))
	h.must(h.rotator.Work(t.Context()))
	if h.ring.Carrying(Profiling) || h.count(Profiling, keyring.StateDestroyed) != 1 {
		t.Errorf("states %v", h.states(Profiling))
	}
}

func TestAnalyticsIsCut(t *testing.T) {
	h := started(t)
	h.mint(0, 1)
	before := h.all(1)
	if err := h.rotator.Start(t.Context(), Analytics, Options{}); !errors.Is(err, ErrNoCut) {
		t.Errorf("error %v", err)
	}
	h.must(h.rotator.Start(t.Context(), Analytics, Options{Cut: true}))
	h.must(h.rotator.Work(t.Context()))
	h.reopen()
	after := h.all(1)
	if after[0].Analytics == before[0].Analytics || after[0].Profiling != before[0].Profiling || after[0].Consent != before[0].Consent {
		t.Error("not the analytics pseudonym alone was cut")
	}
	if !slices.Contains(h.acts, "destroyed analytics-202611") {
		t.Errorf("records %q", h.acts)
	}
}

// TestGateIsRetired: contacts that came under the new version are found after
// the old one is gone; those that did not are lost only if that is allowed.
func TestGateIsRetired(t *testing.T) {
	h := started(t)
	h.mint(0, 3)
	old := h.ring.Gateway().Gate[0].Version
	h.must(h.rotator.Start(t.Context(), Gate, Options{}))
	h.must(h.rotator.Work(t.Context()))
	current := h.ring.Gateway().Gate[0].Version
	if current == old || h.ring.Gateway().Gate[1].Version != old {
		t.Fatal("there are not two versions")
	}
	d := h.deriver()
	// Two of three come: the same person has another h1 under the new version.
	for n := range 2 {
		h.must(h.vault.Alias(t.Context(), []vault.Pair{{Old: d.Index(numbered(n)), New: d.Index(numbered(n + 100))}}, vault.Made{Link: d.Links(), Gate: current}))
	}
	d.Release()
	before := h.all(2)
	if err := h.rotator.Start(t.Context(), Gate, Options{Retire: 1}); !errors.Is(err, ErrNotOld) {
		t.Errorf("error %v", err)
	}
	if err := h.rotator.Start(t.Context(), Gate, Options{Retire: old}); !errors.Is(err, ErrWouldLose) {
		t.Errorf("error %v", err)
	}
	h.must(h.rotator.Start(t.Context(), Gate, Options{Retire: old, Lose: 1}))
	h.must(h.rotator.Work(t.Context()))
	h.reopen()
	for n := range 2 {
		if got, err := h.handles(n + 100); err != nil || got != before[n] {
			t.Errorf("contact %d: %v", n, err)
		}
		if _, err := h.handles(n); !errors.Is(err, errUnknown) {
			t.Errorf("contact %d is still found by the retired version", n)
		}
	}
	if g := h.ring.Gateway(); len(g.Gate) != 1 || g.Visitor.Version != old {
		t.Errorf("%d versions, visitors under %d", len(g.Gate), g.Visitor.Version)
	}
}

func TestNotRotated(t *testing.T) {
	h := started(t)
	for _, key := range []keyring.Key{"purpose-consent", "consent-visitor", "decoy", "spool", "nonsense"} {
		if err := h.rotator.Start(t.Context(), key, Options{}); !errors.Is(err, ErrNotRotated) {
			t.Errorf("%s: %v", key, err)
		}
		if err := h.rotator.Done(t.Context(), key); !errors.Is(err, ErrNotOpen) {
			t.Errorf("%s is done: %v", key, err)
		}
	}
	if err := h.rotator.Start(t.Context(), KEK, Options{To: "hcvault://x"}); !errors.Is(err, ErrNoKEK) {
		t.Errorf("error %v", err)
	}
}

// TestKEKIsChanged while the ring is open.
func TestKEKIsChanged(t *testing.T) {
	h := newHolder(t)
	h.openKEK = func(ctx context.Context, uri string, _ []byte) (kek.Provider, error) {
		return kek.Open(ctx, kek.Config{URI: uri, Dir: filepath.Join(h.dir, "kek"), MayMake: true})
	}
	h.must(h.open())
	h.mint(0, 3)
	before := h.all(3)
	h.must(h.rotator.Start(t.Context(), KEK, Options{}))
	if err := h.rotator.Start(t.Context(), KEK, Options{To: "nonsense"}); !errors.Is(err, ErrBadKEK) {
		t.Errorf("error %v", err)
	}
	h.must(h.rotator.Start(t.Context(), KEK, Options{To: "file:second"}))
	to, err := h.openKEK(t.Context(), "file:second", nil)
	h.must(err)
	h.kek = to
	h.reopen()
	if !slices.Equal(h.all(3), before) || h.ring.KEK() != "file:second" {
		t.Error("contacts changed, or the key did not")
	}
	if gone, err := filepath.Glob(filepath.Join(h.dir, "kek", "kek.key*")); err != nil || len(gone) != 0 {
		t.Errorf("%d files of the key before are left, %v", len(gone), err)
	}
}

// TestNightly: at its hour, and when the hour passed while nobody was there; not
// twice a night.
func TestNightly(t *testing.T) {
	h := started(t)
	day := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		at   time.Time
		want uint32
	}{
		{day(15, 12), 1}, {day(16, 2), 1}, {day(16, 3), 2}, {day(16, 4), 2}, {day(17, 2), 2}, {day(19, 20), 3}, {day(20, 2), 3}, {day(20, 3), 4},
	} {
		h.at = test.at
		h.reopen()
		h.must(h.rotator.Work(t.Context()))
		if got := h.ring.Slots().Current(); got != test.want {
			t.Errorf("%s: slot key %d, want %d", test.at, got, test.want)
		}
	}
}

// TestLivesEndByThemselves, and what ended is beyond every copy at once.
func TestLivesEndByThemselves(t *testing.T) {
	h := started(t)
	_, err := h.ring.Tombstone(t.Context())
	h.must(err)
	h.at = h.at.AddDate(0, 1, 15)
	h.must(h.rotator.Work(t.Context()))
	if !slices.Contains(h.acts, "destroyed tomb-20261115") {
		t.Errorf("records %q", h.acts)
	}
}

// TestRunGoesOn: what is started is worked at once, and watched to its end.
func TestRunGoesOn(t *testing.T) {
	h := started(t)
	h.mint(0, some)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	ran := make(chan error, 1)
	go func() { ran <- h.rotator.Run(ctx) }()
	h.must(h.rotator.Start(t.Context(), Slot, Options{}))
	var last Progress
	h.must(h.rotator.Watch(t.Context(), Slot, func(p Progress) bool {
		last = p
		return true
	}))
	if !last.Ended || last.Done != some || last.Of != some {
		t.Errorf("ended with %+v", last)
	}
	stop()
	h.must(<-ran)
}
