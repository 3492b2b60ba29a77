package restore

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// desk is where requests are opened anew, with what the keyholder knows.
type desk struct {
	*system
	cases  map[id]bool
	added  []control.Request
	refuse map[id]error
}

func (d *desk) CasePseudonyms(_ context.Context, ids [][16]byte, yield func(pseudonym.CasePiece) error) error {
	for _, i := range ids {
		if !d.cases[i] {
			continue
		}
		err := yield(pseudonym.CasePiece{ID: i, Pseudonyms: []pseudonym.CasePseudonym{
			{Handle: event.Handle{i[0], 9}, Purpose: "consent", Visitor: 1}, {Handle: event.Handle{i[0], 1}, Purpose: "consent"},
		}})
		if err != nil {
			return err
		}
	}
	return d.did("cases")
}

func (d *desk) AddRequests(_ context.Context, list []control.Request) ([]error, error) {
	refused := make([]error, len(list))
	for i, r := range list {
		if refused[i] = d.refuse[id(r.ID)]; refused[i] == nil {
			d.requests[id(r.ID)] = r.State
		}
	}
	d.added = append(d.added, list...)
	return refused, d.did("add")
}

func notesOf(t *testing.T, dir string, ids ...id) *Accepted {
	t.Helper()
	a, damaged, err := OpenAccepted(dir)
	if err != nil || damaged != nil {
		t.Fatal(damaged, err)
	}
	var list []control.Request
	for _, i := range ids {
		list = append(list, control.Request{ID: control.RequestID(i), Site: "shop", Mode: control.EraseAll, Received: noon.Add(time.Duration(i[0])), Deadline: noon.AddDate(0, 1, 0)})
	}
	if err := a.Note(list); err != nil {
		t.Fatal(err)
	}
	return a
}

func (a *Accepted) ids() (ids []byte) {
	for _, r := range a.requests() {
		ids = append(ids, r.ID[0])
	}
	return ids
}

// TestAcceptedIsOpenedAnew: of what was accepted the store knows again what it has
// forgotten and the keyholder has not; before it does nothing passes.
func TestAcceptedIsOpenedAnew(t *testing.T) {
	s := whole(t)
	d := &desk{system: s, cases: map[id]bool{{20}: true, {22}: true, {23}: true, {1}: true}, refuse: map[id]error{{23}: control.ErrOpen}}
	dir := t.TempDir()
	// 20 is forgotten, 21 at the keyholder too, 22 is under way, 23 is another one's, 24 was
	// taken back, 1 is carried out.
	notes := notesOf(t, dir, id{1}, id{20}, id{21}, id{22}, id{23}, id{24})
	s.requests[id{22}], s.requests[id{24}] = control.RequestRunning, control.RequestCancelled
	delete(s.requests, id{1})
	with := func(_ *Config, deps *Deps) { deps.Reopen = &Reopening{Notes: notes, Cases: d, Store: d} }
	for _, act := range []string{"cases", "add"} {
		s.fail = act
		if g := s.gate(t, with); g.look(t.Context(), true) == nil || g.Passing() {
			t.Errorf("%s failed, and it passes", act)
		}
	}
	s.fail, d.added = "", nil
	delete(s.requests, id{20})
	g := s.gate(t, with)
	if err := g.look(t.Context(), true); err != nil || !g.Passing() {
		t.Fatal(g.Passing(), err)
	}
	if len(d.added) != 2 {
		t.Fatalf("%+v", d.added)
	}
	r := d.added[0]
	if r.ID != (control.RequestID{20}) || r.Handle != (event.Handle{20, 1}) || r.State != control.RequestRunning || r.Step != control.StepAccepted ||
		r.Right != control.RightErasure || r.Mode != control.EraseAll || !r.Received.Equal(noon.Add(20)) || !r.Deadline.Equal(noon.AddDate(0, 1, 0)) || r.Site != "shop" {
		t.Errorf("%+v", r)
	}
	if got := notes.ids(); !slices.Equal(got, []byte{20, 22}) {
		t.Error("noted are", got)
	}
	again := notesOf(t, dir) // as a restart reads it
	if got := again.ids(); !slices.Equal(got, []byte{20, 22}) {
		t.Error("on the disk are", got)
	}
}

// TestUndoneWithinItsWindow: what might be taken back may still be.
func TestUndoneWithinItsWindow(t *testing.T) {
	s := whole(t)
	d := &desk{system: s, cases: map[id]bool{{20}: true, {21}: true}}
	notes := notesOf(t, t.TempDir())
	if err := notes.Note([]control.Request{
		{ID: control.RequestID{20}, Received: noon, Undo: noon.Add(time.Hour)}, {ID: control.RequestID{21}, Received: noon.Add(1), Undo: noon.Add(-time.Hour)},
	}); err != nil {
		t.Fatal(err)
	}
	g := s.gate(t, func(_ *Config, deps *Deps) { deps.Reopen = &Reopening{Notes: notes, Cases: d, Store: d} })
	if err := g.look(t.Context(), true); err != nil || len(d.added) != 2 || d.added[0].State != control.RequestApproved || d.added[1].State != control.RequestRunning {
		t.Errorf("%+v %v", d.added, err)
	}
}

// TestDamagedNotes: what can be read of them stays, and the rest is set aside.
func TestDamagedNotes(t *testing.T) {
	for _, damage := range []func(string) string{
		func(s string) string { return s[:len(s)/2] },
		func(s string) string { return strings.Replace(s, `"r_`, `"x_`, 1) },
	} {
		dir := t.TempDir()
		notesOf(t, dir, id{1}, id{2})
		path := filepath.Join(dir, acceptedName)
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(damage(string(raw))), 0o600); err != nil {
			t.Fatal(err)
		}
		a, damaged, err := OpenAccepted(dir)
		if err != nil || damaged == nil || len(a.ids()) > 1 {
			t.Error(damaged, err, a.ids())
		}
		if _, err := os.Stat(path + ".damaged"); err != nil {
			t.Error(err)
		}
		if _, damaged, err := OpenAccepted(dir); err != nil || damaged != nil {
			t.Error("twice:", damaged, err)
		}
	}
	a, _, err := OpenAccepted(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	a.path = filepath.Join(t.TempDir(), "gone", acceptedName)
	if err := a.Note([]control.Request{{ID: control.RequestID{1}}}); err == nil || len(a.ids()) > 0 {
		t.Error("what is not on the disk counts as noted:", a.ids(), err)
	}
}
