package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/activity/erase"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// system is a model of the four parts: each has a set of erasures, and the people who
// are in it.
type system struct {
	keys, control, marks map[id]bool
	files                *Journal
	vault, rows, record  map[id]bool // whose person is there
	lease                string
	requests             map[id]control.RequestState
	steps                map[id]control.EraseStep // of open ones
	away                 bool                     // ClickHouse
	unopened             map[id]bool
	acts                 []string
	fail                 string // the act that fails
}

func (s *system) did(act string) error {
	s.acts = append(s.acts, act)
	if s.fail == act {
		return errors.New(act + " failed")
	}
	return nil
}

func sealedOf(i id) pseudonym.SealedErasure {
	return pseudonym.SealedErasure{ID: i, Entry: append([]byte("sealed"), i[:]...), At: noon, Until: noon.AddDate(0, 2, 0)}
}

func (s *system) ErasureIDs(context.Context) ([]id, error) {
	return slices.Collect(maps.Keys(s.keys)), nil
}

func (s *system) Erasures(_ context.Context, want []id) (out []pseudonym.SealedErasure, err error) {
	for _, i := range want {
		if s.keys[i] {
			out = append(out, sealedOf(i))
		}
	}
	return out, nil
}

func (s *system) Replay(_ context.Context, entries [][]byte, yield func(pseudonym.CasePiece) error) error {
	if err := s.did("replay"); err != nil {
		return err
	}
	for _, e := range entries {
		i := id(e[len("sealed"):])
		if s.unopened[i] {
			if err := yield(pseudonym.CasePiece{ID: i, State: pseudonym.CaseUnknown}); err != nil {
				return err
			}
			continue
		}
		s.keys[i] = true
		delete(s.vault, i)
		if err := yield(pseudonym.CasePiece{ID: i, Site: "shop", State: pseudonym.CaseDestroyed, Pseudonyms: []pseudonym.CasePseudonym{
			{Handle: event.Handle{i[0], 1}, Purpose: "consent"}, {Handle: event.Handle{i[0], 2}, Purpose: "profiling"},
		}}); err != nil {
			return err
		}
	}
	return nil
}

func (s *system) JournalIDs(context.Context) (out []control.RequestID, err error) {
	for i := range s.control {
		out = append(out, control.RequestID(i))
	}
	return out, nil
}

func (s *system) JournalEntries(_ context.Context, ids []control.RequestID) (out []control.JournalEntry, err error) {
	for _, i := range ids {
		if s.control[id(i)] {
			e := sealedOf(id(i))
			out = append(out, control.JournalEntry{ID: i, At: e.At, Until: e.Until, Sealed: e.Entry})
		}
	}
	return out, nil
}

func (s *system) AddJournal(_ context.Context, _ []control.JournalEntry, of []control.Request) error {
	for i := range of {
		if _, there := s.requests[id(of[i].ID)]; !there {
			s.requests[id(of[i].ID)] = of[i].State
		}
	}
	return s.did("requests")
}

func (s *system) Requests(_ context.Context, q control.RequestQuery) (out []control.Request, err error) {
	for _, i := range q.IDs {
		if state, there := s.requests[id(i)]; there {
			out = append(out, control.Request{ID: i, State: state, Step: s.steps[id(i)]})
		}
	}
	return out, nil
}

func (s *system) AddHandles(context.Context, []control.Taken) error { return s.did("handles") }

func (s *system) Write(_ context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	for i := range entries {
		if entries[i].State != ledger.StateErased || entries[i].Subject[1] != 1 {
			return 0, fmt.Errorf("entry %+v", entries[i])
		}
	}
	return 1, s.did("erased")
}

func (s *system) ForgetSubjects(_ context.Context, list []control.Forgotten) error {
	if err := s.did("forget"); err != nil {
		return err
	}
	for i := range list {
		s.control[id(list[i].Request)] = true
		delete(s.record, id(list[i].Request))
	}
	return nil
}

func (s *system) Lease(_ context.Context, _ string, _, _ time.Time) (bool, error) {
	return s.lease == "" || s.lease == "us", nil
}

func (s *system) ErasedMarks(context.Context) ([]id, error) {
	if s.away {
		return nil, errors.New("away")
	}
	return slices.Collect(maps.Keys(s.marks)), nil
}

func (s *system) MarkErased(_ context.Context, ids []id, until time.Time) error {
	if !until.Before(noon.AddDate(0, 2, 0)) || until.Before(noon.AddDate(0, 1, 0)) {
		return fmt.Errorf("marked until %v", until)
	}
	if err := s.did("mark"); err != nil {
		return err
	}
	for _, i := range ids {
		s.marks[i] = true
	}
	return nil
}

func (s *system) Begin(context.Context) (Rows, error) { return &deleting{system: s}, s.did("begin") }

// deleting is a deletion of rows.
type deleting struct {
	*system
	people []erase.Person
}

func (d *deleting) Add(_ context.Context, people []erase.Person) error {
	d.people = append(d.people, people...)
	return nil
}

func (d *deleting) Delete(context.Context, func(string, string) error) error {
	if err := d.did("delete"); err != nil {
		return err
	}
	for _, p := range d.people {
		if len(p.Whole) != 1 || p.Whole[0][1] != 2 {
			return fmt.Errorf("rows of %v", p.Whole)
		}
		maps.DeleteFunc(d.rows, func(i id, _ bool) bool { return i[0] == p.Whole[0][0] })
	}
	return nil
}

func (d *deleting) Settle(context.Context) error { return nil }

func (d *deleting) Prove(context.Context) (map[string]uint64, error) { return nil, d.did("prove") }

func (d *deleting) End(context.Context) error { return nil }

// erasures of the model.
func some(n byte) map[id]bool {
	out := map[id]bool{}
	for i := range n {
		out[id{i + 1}] = true
	}
	return out
}

// whole is a system in which three erasures were carried out.
func whole(t *testing.T) *system {
	t.Helper()
	s := &system{
		keys: some(3), control: some(3), marks: some(3), files: opened(t, t.TempDir()), vault: map[id]bool{}, rows: map[id]bool{}, record: map[id]bool{},
		requests: map[id]control.RequestState{}, unopened: map[id]bool{},
	}
	for i := range some(3) {
		if err := s.files.Append([]pseudonym.SealedErasure{sealedOf(i)}); err != nil {
			t.Fatal(err)
		}
		s.requests[i] = control.RequestComplete
	}
	return s
}

var ready = func() chan struct{} { c := make(chan struct{}); close(c); return c }()

func (s *system) gate(t *testing.T, change func(*Config, *Deps)) *Gate {
	t.Helper()
	cfg := DefaultConfig()
	cfg.Again, cfg.First, cfg.Most = 0, time.Millisecond, 10*time.Millisecond
	deps := Deps{
		Keys: s, Store: s, Subjects: s, Table: s, Files: s.files, Tables: ready, Alone: true,
		Sites: func() []event.SiteID { return []event.SiteID{"shop"} }, Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&cfg, &deps)
	}
	g, err := New(cfg, deps)
	if err != nil {
		t.Fatal(err)
	}
	return g
}

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
