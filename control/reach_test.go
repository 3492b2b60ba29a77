package control

import (
	"slices"
	"testing"
	"time"

	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// What is withdrawn is followed once, whoever follows and however often; a batch has
// the same ones each time it asks, and what it has reached is forgotten.
func contractReaches(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	now := time.Date(2026, 11, 22, 2, 0, 0, 0, time.UTC)
	appendAll(t, s, entry(handle(1), ledger.StateGiven, "analytics"), entry(handle(1), ledger.StateWithdrawn, "analytics"),
		entry(handle(2), ledger.StateObjected, "measurement"), entry(handle(3), ledger.StateProfilingOff, ""), entry(handle(4), ledger.StateRefused, "profiling"))
	var heard []Said
	for range 2 {
		heard = append(heard, reachesHeard(t, s)...)
	}
	if len(heard) != 3 || heard[0].State != ledger.StateWithdrawn || heard[0].Purpose != "analytics" || heard[1].Subject != handle(2) || heard[2].State != ledger.StateProfilingOff {
		t.Fatalf("heard %d entries", len(heard))
	}
	waiting, err := s.Reaches(t.Context(), ReachWaiting, now)
	if err != nil || len(waiting) != 3 || waiting[0].Handle != handle(1) || waiting[0].Bit != 3 || waiting[0].Made != heard[0].At {
		t.Fatalf("%d wait, %v", len(waiting), err)
	}
	note := Reach{ID: [16]byte{9}, Site: site, Handle: handle(9), What: ReachWithdrawn, Bit: 3, Policy: "erase", Sealed: []byte("sealed"), State: ReachNoted, Made: now}
	kept := Reach{ID: [16]byte{8}, Site: site, Handle: handle(8), What: ReachHidden, State: ReachKept, Made: now}
	for range 2 {
		if err := s.AddReaches(t.Context(), []Reach{note, kept}); err != nil {
			t.Fatal(err)
		}
	}
	for i := range waiting {
		waiting[i].State = ReachOpen
	}
	waiting[2].Attempts, waiting[2].Next, waiting[2].State = 1, now.Add(time.Hour), ReachWaiting
	if err := s.SetReaches(t.Context(), waiting); err != nil {
		t.Fatal(err)
	}
	if later, err := s.Reaches(t.Context(), ReachWaiting, now); err != nil || len(later) != 0 {
		t.Errorf("%d do not wait for their time, %v", len(later), err)
	}
	reachesTaken(t, s)
	counts, err := s.CountReaches(t.Context())
	if err != nil || len(counts) != 2 || counts[ReachNoted] != 1 || counts[ReachWaiting] != 1 {
		t.Errorf("counted %v, %v", counts, err)
	}
	if by, err := s.ReachesBy(t.Context(), [][16]byte{note.ID, {77}, kept.ID}); err != nil || !slices.Equal(by, [][16]byte{note.ID, kept.ID}) {
		t.Errorf("%d are known, %v", len(by), err)
	}
	if still, err := s.KeptReaches(t.Context(), [16]byte{}); err != nil || len(still) != 1 || still[0].Handle != handle(8) {
		t.Errorf("%d are kept, %v", len(still), err)
	}
	if err := s.DropReaches(t.Context(), [][16]byte{note.ID, kept.ID}); err != nil {
		t.Fatal(err)
	}
	if noted, err := s.Reaches(t.Context(), ReachNoted, now); err != nil || len(noted) != 0 {
		t.Errorf("%d are noted, %v", len(noted), err)
	}
}

// reachesHeard follows what is said until there is no more, and returns what was heard.
func reachesHeard(t *testing.T, s *Store) (heard []Said) {
	t.Helper()
	for {
		more, err := s.FollowReaches(t.Context(), func(e Said) []Reach {
			heard = append(heard, e)
			return []Reach{{ID: [16]byte{byte(e.Sequence), 1}, Site: e.Site, Handle: e.Subject, What: ReachWithdrawn, Bit: 3, Policy: "erase", Sequence: e.Sequence, State: ReachWaiting, Made: e.At}}
		})
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return heard
		}
	}
}

// reachesTaken takes the two open ones: one batch twice, another none.
func reachesTaken(t *testing.T, s *Store) {
	t.Helper()
	batch := [16]byte{7}
	for range 2 {
		taken, err := s.TakeReaches(t.Context(), batch, 10)
		if err != nil || len(taken) != 2 {
			t.Fatalf("took %d, %v", len(taken), err)
		}
	}
	must(t, s.FreeReaches(t.Context(), batch))
	batch = [16]byte{8} // they go with another
	if taken, err := s.TakeReaches(t.Context(), batch, 10); err != nil || len(taken) != 2 || taken[0].State != ReachTaken {
		t.Fatalf("of those given back took %v, %v", taken, err)
	}
	must(t, s.FreeReaches(t.Context(), [16]byte{7}))
	ids, err := s.ReachedBy(t.Context(), batch)
	if err != nil || len(ids) != 2 {
		t.Fatalf("reached %d, %v", len(ids), err)
	}
	if taken, err := s.TakeReaches(t.Context(), [16]byte{6}, 10); err != nil || len(taken) != 0 {
		t.Errorf("took %d again, %v", len(taken), err)
	}
}

// Who is not to be seen everywhere, and why; whoever is erased is nowhere.
func contractConcealed(t *testing.T, cfg Config) {
	t.Helper()
	s := open(t, cfg)
	appendAll(t, s, entry(handle(1), ledger.StateRestricted, ""), entry(handle(2), ledger.StateAutomatedOff, ""), entry(handle(3), ledger.StateProfilingOff, ""),
		entry(handle(4), ledger.StateObjected, "marketing"), entry(handle(5), ledger.StateObjected, "analytics"), entry(handle(6), ledger.StateGiven, "marketing"),
		entry(handle(7), ledger.StateAutomatedOff, ""), entry(handle(7), ledger.StateErased, ""), entry(handle(8), ledger.StateObjected, "marketing"), entry(handle(8), ledger.StateErased, ""),
		entry(handle(1), ledger.StateObjected, "marketing"))
	purposes := map[event.SiteID][]event.PurposeID{site: {"marketing"}}
	for _, keeps := range []bool{false, true} {
		list, err := s.ConcealedPeople(t.Context(), purposes, map[event.SiteID]bool{site: keeps})
		if err != nil {
			t.Fatal(err)
		}
		got := map[event.Handle]Concealed{}
		for _, c := range list {
			got[c.Handle] = c
		}
		want := map[event.Handle]Concealed{
			handle(1): {Site: site, Handle: handle(1), Restricted: true, Objected: true},
			handle(2): {Site: site, Handle: handle(2), AutomatedOff: true},
			handle(4): {Site: site, Handle: handle(4), Objected: true},
		}
		if keeps {
			want[handle(3)] = Concealed{Site: site, Handle: handle(3), ProfilingOff: true}
		}
		if len(got) != len(want) {
			t.Errorf("%d people, want %d", len(got), len(want))
		}
		for h, w := range want {
			if got[h] != w {
				t.Errorf("got %+v, want %+v", got[h], w)
			}
		}
	}
	if uint8(consent.ChoiceObjected) != 4 || uint8(consent.StateRestricted) != 1 || uint8(consent.StateErased) != 2 {
		t.Error("the query and its indexes have other numbers")
	}
}
