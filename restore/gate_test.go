package restore

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// TestGateMatrix: whichever parts are older than the last erasures, these are carried
// out again in all as long as one part has their entries, and nothing passes before.
func TestGateMatrix(t *testing.T) {
	for older := range 16 {
		var names []string
		for bit, name := range []string{"keys", "control", "rows", "files"} {
			if older&(1<<bit) != 0 {
				names = append(names, name)
			}
		}
		t.Run(strings.Join(append(names, "older"), " "), func(t *testing.T) {
			s := whole(t)
			lost := id{3} // carried out after the backup
			if older&1 != 0 {
				delete(s.keys, lost)
				s.vault[lost] = true
			}
			if older&2 != 0 {
				delete(s.control, lost)
				delete(s.requests, lost)
				s.record[lost] = true
			}
			if older&4 != 0 {
				delete(s.marks, lost)
				s.rows[lost] = true
			}
			if older&8 != 0 {
				s.files = opened(t, t.TempDir())
				if err := s.files.Append([]pseudonym.SealedErasure{sealedOf(id{1}), sealedOf(id{2})}); err != nil {
					t.Fatal(err)
				}
			}
			g := s.gate(t, nil)
			err := g.look(t.Context(), true)
			switch older {
			case 1 | 2 | 8: // ClickHouse alone knows of it
				if !errors.Is(err, ErrLost) || g.Passing() {
					t.Errorf("passing %v: %v", g.Passing(), err)
				}
				return
			case 15: // nobody does: it was never carried out, as far as anybody can tell
				if err != nil || !g.Passing() {
					t.Error(g.Passing(), err)
				}
				return
			}
			if err != nil || !g.Passing() || !g.Showing() {
				t.Fatal(g.Passing(), err)
			}
			if len(s.vault)+len(s.rows)+len(s.record) > 0 {
				t.Errorf("back: %v in the vault, %v in rows, %v on record", s.vault, s.rows, s.record)
			}
			for name, set := range map[string]map[id]bool{"keys": s.keys, "control": s.control, "rows": s.marks, "files": setOf(s.files.IDs())} {
				if !maps.Equal(set, some(3)) {
					t.Errorf("%s know of %d erasures", name, len(set))
				}
			}
			if older == 8 && slices.Contains(s.acts, "delete") {
				t.Error("rows were deleted for the files' sake")
			}
		})
	}
}

// TestGateIsResumed: whatever fails on the way, nothing passes, and the next look does
// the rest.
func TestGateIsResumed(t *testing.T) {
	for _, act := range []string{"replay", "begin", "delete", "prove", "requests", "handles", "erased", "forget", "mark"} {
		s := whole(t)
		lost := id{3}
		delete(s.keys, lost)
		delete(s.control, lost)
		delete(s.marks, lost)
		s.vault[lost], s.rows[lost], s.record[lost] = true, true, true
		s.fail = act
		g := s.gate(t, nil)
		if err := g.look(t.Context(), true); err == nil || g.Passing() {
			t.Errorf("%s failed, yet passing is %v", act, g.Passing())
		}
		s.fail = ""
		if err := s.gate(t, nil).look(t.Context(), true); err != nil {
			t.Errorf("after %s failed: %v", act, err)
		}
		if len(s.vault)+len(s.rows)+len(s.record) > 0 || !s.keys[lost] || !s.control[lost] || !s.marks[lost] {
			t.Errorf("after %s failed something is left: %+v", act, s)
		}
	}
}

// TestGateLeavesAloneWhatIsUnderWay: an erasure between its keys and the control store
// is the eraser's.
func TestGateLeavesAloneWhatIsUnderWay(t *testing.T) {
	s := whole(t)
	g := s.gate(t, nil)
	if err := g.look(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	under := id{9}
	s.marks[under] = true // rows are gone, keys are not
	s.requests[under] = control.RequestRunning
	if err := g.look(t.Context(), false); err != nil || !g.Passing() {
		t.Error(g.Passing(), err)
	}
	s.keys[under] = true // destroyed; nobody else knows yet
	if err := g.look(t.Context(), false); err != nil || !g.Passing() || slices.Contains(s.acts, "replay") {
		t.Error(g.Passing(), s.acts, err)
	}
	s.requests[under] = control.RequestComplete
	if err := g.look(t.Context(), false); err != nil || !g.Passing() || !s.control[under] {
		t.Error(g.Passing(), err)
	}
}

// TestGateCloses: a part that is exchanged beside a running system closes the gate
// until all is carried out again.
func TestGateCloses(t *testing.T) {
	s := whole(t)
	g := s.gate(t, nil)
	if err := g.look(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	delete(s.marks, id{2})
	s.rows[id{2}], s.lease = true, "another"
	if err := g.look(t.Context(), false); err == nil || g.Passing() || g.Showing() {
		t.Error(g.Passing(), err)
	}
	s.lease = "us"
	if err := g.look(t.Context(), false); err != nil || !g.Showing() || len(s.rows) > 0 {
		t.Error(g.Showing(), err)
	}
}

// TestGateWithoutClickHouse: collecting goes on without it, and what is in it is not
// shown before it was compared; after a restore nothing goes on.
func TestGateWithoutClickHouse(t *testing.T) {
	for _, restored := range []bool{false, true} {
		s := whole(t)
		s.away = true
		done := 0
		g := s.gate(t, func(c *Config, d *Deps) {
			c.Restored = restored
			d.Done = func() error { done++; return nil }
		})
		err := g.look(t.Context(), true)
		if (err != nil) != restored || g.Passing() == restored || g.Showing() || done > 0 {
			t.Errorf("restored %v: passing %v, showing %v, %v", restored, g.Passing(), g.Showing(), err)
		}
		delete(s.marks, id{1})
		s.rows[id{1}], s.away = true, false
		if err := g.look(t.Context(), true); err != nil || !g.Passing() || !g.Showing() || len(s.rows) > 0 || done != 1 {
			t.Errorf("restored %v: passing %v, showing %v, done %d, %v", restored, g.Passing(), g.Showing(), done, err)
		}
	}
}

// TestGateRefusesEntriesThatCannotBeOpened: without the key nobody knows whose rows are
// to go.
func TestGateRefusesEntriesThatCannotBeOpened(t *testing.T) {
	s := whole(t)
	delete(s.control, id{2})
	s.unopened[id{2}] = true
	g := s.gate(t, nil)
	if err := g.look(t.Context(), true); !errors.Is(err, ErrEntryGone) || g.Passing() {
		t.Error(g.Passing(), err)
	}
}

// TestGateForgets: near its end an erasure is not looked for any more, since the parts
// forget it one after the other.
func TestGateForgets(t *testing.T) {
	s := whole(t)
	delete(s.control, id{2})
	now := noon.AddDate(0, 2, 0).Add(-margin)
	g := s.gate(t, func(_ *Config, d *Deps) { d.Now = func() time.Time { return now } })
	if err := g.look(t.Context(), true); err != nil || !g.Passing() || slices.Contains(s.acts, "replay") {
		t.Error(g.Passing(), s.acts, err)
	}
	now = now.Add(-time.Second)
	if err := g.look(t.Context(), true); err != nil || !slices.Contains(s.acts, "replay") {
		t.Error(s.acts, err)
	}
}

// TestGateRuns: Run opens the gate by itself, after failures too, and ends.
func TestGateRuns(t *testing.T) {
	s := whole(t)
	s.away = true
	g := s.gate(t, nil)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	select {
	case <-g.Open():
	case <-time.After(10 * time.Second):
		t.Error("the gate did not open")
	}
	if g.Showing() {
		t.Error("ClickHouse is shown before it was compared")
	}
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestPersonOf(t *testing.T) {
	p := &pseudonym.CasePiece{Site: "shop", Pseudonyms: []pseudonym.CasePseudonym{
		{Handle: event.Handle{1}, Purpose: "consent"},
		{Handle: event.Handle{2}, Purpose: "profiling"},
		{Handle: event.Handle{3}, Purpose: "consent", Visitor: 1},
		{Handle: event.Handle{4}, Purpose: "profiling", Visitor: 1},
		{Handle: event.Handle{5}, Purpose: "consent", Visitor: 2},
		{Handle: event.Handle{6}, Purpose: "analytics", Visitor: 2},
	}, Windows: []pseudonym.CaseWindow{{Handle: event.Handle{5}, From: noon}, {Handle: event.Handle{5}, From: noon.Add(-time.Hour), To: noon.Add(-time.Minute)}}}
	got := personOf(7, p)
	if !slices.Equal(got.Whole, []event.Handle{{2}, {4}}) || !slices.Equal(got.Visitors, got.Whole) || got.Number != 7 || got.Mode != erase.ModeErase {
		t.Errorf("%+v", got)
	}
	if len(got.Windows) != 2 || got.Windows[0].Subject != (event.Handle{6}) || !got.Windows[0].From.Equal(noon) || !got.Windows[0].To.IsZero() || got.Windows[1].To.IsZero() {
		t.Errorf("%+v", got.Windows)
	}
	if on := consentHandles(p); !slices.Equal(on, []event.Handle{{1}, {3}}) {
		t.Error(on)
	}
}
