package restore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
