package erasing

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/restore"
)

// backup is what a system was at a time, and what people had done by then.
type backup struct {
	dir    string // of keyholder and control store
	rows   []row
	hidden map[event.Handle]bool
	marks  map[[16]byte]bool
	copies map[string][]row

	bonds    []bond
	erased   map[*somebody]control.RequestID
	requests []control.RequestID
	done     map[control.RequestID]bool
	anew     map[control.RequestID]bool
	people   map[event.Handle]somebody
}

// back makes a backup.
func (m *lives) back(*rapid.T) {
	b := &backup{
		dir: filepath.Join(m.dir, fmt.Sprintf("backup-%d", time.Now().UnixNano())), rows: slices.Clone(m.w.rows), hidden: maps.Clone(m.w.hidden), marks: maps.Clone(m.w.marks), copies: maps.Clone(m.w.copies),
		bonds: slices.Clone(m.bonds), erased: maps.Clone(m.erased), requests: slices.Clone(m.requests), anew: maps.Clone(m.anew), people: map[event.Handle]somebody{},
		done: map[control.RequestID]bool{},
	}
	for _, id := range m.requests {
		got, _, err := m.w.store.Request(m.t.Context(), id)
		m.must(err)
		b.done[id] = got.State == control.RequestComplete
	}
	for h, p := range m.people {
		c := *p
		c.browsers, c.past = slices.Clone(p.browsers), slices.Clone(p.past)
		b.people[h] = c
	}
	m.keys.saved(filepath.Join(b.dir, "keyholder"))
	m.controlStopped(func(dir string) { copyFolder(m.t, filepath.Join(b.dir, "control"), dir) })
	m.e = m.eraser()
	if m.saved != nil {
		m.must(os.RemoveAll(m.saved.dir))
	}
	m.saved = b
}

// controlStopped does something with the folder of the control store while nobody has
// it open.
func (m *lives) controlStopped(do func(dir string)) {
	m.t.Helper()
	m.must(m.w.store.Close())
	do(filepath.Join(m.dir, "control"))
	m.w.restart(filepath.Join(m.dir, "control", "control.db"))
}

// parts are those of which backups are restored.
const (
	partKeys = 1 << iota
	partControl
	partTable
	allParts = 1<<iota - 1
)

// older puts parts of a backup back and starts: the gate opens when no erasure is
// undone.
func (m *lives) older(parts int) {
	m.t.Helper()
	m.restores++
	b := m.saved
	if parts&partKeys != 0 {
		m.keys.restored(filepath.Join(b.dir, "keyholder"))
	}
	if parts&partControl != 0 {
		m.controlStopped(func(dir string) { copyFolder(m.t, dir, filepath.Join(b.dir, "control")) })
	}
	if parts&partTable != 0 {
		m.w.rows, m.w.hidden, m.w.marks, m.w.copies = slices.Clone(b.rows), maps.Clone(b.hidden), maps.Clone(b.marks), maps.Clone(b.copies)
	}
	m.e = m.eraser()
	m.passGate()
}

// gated is ClickHouse as the gate sees it.
type gated struct {
	*world
	deletions *int
}

func (g gated) Begin(context.Context) (restore.Rows, error) {
	*g.deletions++
	return gatedRows{&worldRows{w: g.world}}, nil
}

func (g gated) ErasedMarks(context.Context) ([][16]byte, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return slices.Collect(maps.Keys(g.marks)), nil
}

type gatedRows struct{ *worldRows }

func (g gatedRows) Prove(ctx context.Context) (map[string]uint64, error) {
	left, err := g.worldRows.Prove(ctx)
	for _, n := range left {
		if n > 0 {
			err = errLeft
		}
	}
	return left, err
}

// passGate runs the real gate until it opens.
func (m *lives) passGate() {
	m.t.Helper()
	tables := make(chan struct{})
	close(tables)
	cfg := restore.DefaultConfig()
	cfg.Restored, cfg.First, cfg.Most = true, time.Millisecond, 10*time.Millisecond
	gate, err := restore.New(cfg, restore.Deps{
		Keys: m.keys.rights, Store: m.w.store, Subjects: m.w, Table: gated{m.w, &m.replayed}, Files: m.made, Tables: tables,
		Sites: func() []event.SiteID { return []event.SiteID{shop} }, Alone: true, Now: m.w.now,
	})
	m.must(err)
	ctx, cancel := context.WithTimeout(m.t.Context(), 2*time.Minute)
	ended := make(chan error, 1)
	go func() { ended <- gate.Run(ctx) }()
	for _, opened := range []<-chan struct{}{gate.Shown(), gate.Open()} {
		select {
		case <-opened:
		case <-ctx.Done():
		}
	}
	open := gate.Showing()
	cancel()
	m.must(<-ended)
	if !open {
		m.r.Fatal("the gate did not open")
	}
}

// disaster restores everything: what was done since the backup is lost, but what waits
// on the gateway's disk, and erasures that were carried out. One that was not is lost
// with its request.
func (m *lives) disaster(*rapid.T) {
	b := m.saved
	if b == nil {
		return
	}
	m.saved = nil
	valid := map[control.RequestID]bool{}
	for _, id := range b.requests {
		valid[id] = true
	}
	for _, id := range m.requests {
		if m.writtenDown(id) && !b.done[id] { // certified since, or to be by nobody
			valid[id], b.anew[id] = true, true
		}
	}
	m.forgetSince(b, valid)
	m.saved = b
	m.older(allParts)
	m.saved = nil
	m.must(os.RemoveAll(b.dir))
	m.written()
}

// forgetSince makes what people have done what it was, but for what erasures that are
// valid took away since.
func (m *lives) forgetSince(b *backup, valid map[control.RequestID]bool) {
	there := map[time.Time]bool{}
	for _, x := range b.rows {
		there[x.at] = true
	}
	for i := range m.w.spool {
		there[m.w.spool[i].row.at] = true
	}
	m.acts = slices.DeleteFunc(m.acts, func(a act) bool { return !there[a.at] })
	for i := range m.acts {
		m.acts[i].gone = slices.DeleteFunc(m.acts[i].gone, func(id control.RequestID) bool { return !valid[id] })
	}
	for p, id := range m.erased {
		if valid[id] {
			b.erased[p] = id
		}
	}
	for i := range b.bonds { // the bonds of then are the first ones of now
		if id := m.bonds[i].over; valid[id] {
			b.bonds[i].over = id
		}
	}
	for _, id := range m.requests {
		if valid[id] && !slices.Contains(b.requests, id) {
			b.requests = append(b.requests, id)
		}
	}
	for h, p := range b.people {
		*m.people[h] = p
	}
	m.bonds, m.erased, m.requests, m.anew = b.bonds, b.erased, b.requests, b.anew
}

// partly restores some parts from before erasures, and nothing else had happened since.
func (m *lives) partly(r *rapid.T) {
	for range 3 {
		m.browse(r)
		m.identify(r)
	}
	m.carriedOut(r)
	m.back(r)
	had := slices.Clone(m.requests)
	m.forget(r)
	m.carriedOut(r)
	parts := rapid.IntRange(1, allParts).Draw(r, "parts")
	m.older(parts)
	if parts&partControl != 0 {
		for _, id := range m.requests {
			if !slices.Contains(had, id) {
				m.anew[id] = true
			}
		}
	}
	m.must(os.RemoveAll(m.saved.dir))
	m.saved = nil
	m.written()
}

// written checks that no erasure that is written down is undone.
func (m *lives) written() {
	m.t.Helper()
	written := m.made.IDs()
	ids, err := m.keys.rights.ErasureIDs(m.t.Context())
	m.must(err)
	for _, id := range written {
		if !slices.Contains(ids, id) || !m.w.marks[id] {
			m.r.Fatal("an erasure is not known everywhere")
		}
	}
	for _, a := range m.acts {
		for _, id := range a.gone {
			if m.writtenDown(id) && m.w.held(a.subject) > m.standing(a.subject) {
				m.r.Fatalf("rows of %s are back", a.by.name)
			}
		}
	}
	for p, id := range m.erased {
		if record, err := m.w.Record(m.t.Context(), shop, p.consent); m.writtenDown(id) && (err != nil || record.State != consent.StateErased) {
			m.r.Fatalf("%s was forgotten and is not denied: %v, %v", p.name, record.State, err)
		}
	}
	for _, name := range m.users {
		if _, h := m.keys.known(name); !h.IsZero() {
			if id, erased := m.erased[m.people[h]]; m.people[h] != nil && erased && m.writtenDown(id) {
				m.r.Fatalf("the keyholder knows %s again", name)
			}
		}
	}
}

// standing is how many rows of a pseudonym are nobody's who was forgotten.
func (m *lives) standing(h event.Handle) (n int) {
	for _, a := range m.acts {
		if a.subject == h && len(a.gone) == 0 {
			n++
		}
	}
	return n
}

// invariant: nobody who was accepted is seen.
func (m *lives) invariant(r *rapid.T) {
	for _, a := range m.acts {
		if _, erased := m.erased[a.by]; erased && m.w.visible(a.subject) > 0 {
			r.Fatalf("%s was forgotten and is seen", a.by.name)
		}
	}
}

// end carries everything out, and compares what is left with what must be.
func (m *lives) end(r *rapid.T) {
	m.carriedOut(r)
	for _, id := range m.requests {
		if !m.anew[id] {
			m.w.complete(id)
			continue
		}
		if got, _, err := m.w.store.Request(m.t.Context(), id); err != nil || got.State != control.RequestComplete {
			r.Fatalf("a request that the journal knows is %s, %v", got.State, err)
		}
	}
	left, want := map[event.Handle]int{}, map[event.Handle]int{}
	for _, x := range m.w.rows {
		if !x.nobody {
			left[x.subject]++
		}
	}
	for _, a := range m.acts {
		if len(a.gone) == 0 {
			want[a.subject]++
		}
	}
	if !maps.Equal(left, want) {
		r.Fatalf("%d pseudonyms have rows, and %d must have: %v, %v", len(left), len(want), slices.Sorted(maps.Values(left)), slices.Sorted(maps.Values(want)))
	}
	m.written()
	for _, p := range m.people {
		if _, erased := m.erased[p]; erased {
			continue
		}
		if record, err := m.w.Record(m.t.Context(), shop, p.consent); err != nil || record.State != consent.StateActive {
			r.Fatalf("%s is denied, and was not forgotten: %v", p.name, err)
		}
	}
	_, err := m.w.store.Verify(m.t.Context())
	m.must(err)
}

func (m *lives) close() {
	m.keys.close()
	_ = m.w.store.Close()
	_ = os.RemoveAll(m.dir)
}

// few has rapid check so often, unless the command says how often: each run is a system
// that is started a dozen times.
func few(t *testing.T, checks int) {
	t.Helper()
	const name = "rapid.checks"
	told := false
	flag.Visit(func(f *flag.Flag) { told = told || f.Name == name })
	if told {
		return
	}
	was := flag.Lookup(name).Value.String()
	if err := flag.Set(name, fmt.Sprint(checks)); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = flag.Set(name, was) })
}

// TestI6Restores: whatever people do, whenever the gateway dies and whatever is
// restored from a backup, who was forgotten is gone, and of nobody else anything, with
// the real keyholder, control store, journal and gate.
func TestI6Restores(t *testing.T) {
	first := newKeyholding(t, "")
	template := t.TempDir()
	first.saved(template)
	first.close()
	all := points(t, control.EraseAnonymise, false)
	few(t, 25)
	runs, crashes, forgotten, restores, replayed := 0, 0, 0, 0, 0
	rapid.Check(t, func(r *rapid.T) {
		m := newLives(t, r, template, all)
		defer m.close()
		r.Repeat(map[string]func(*rapid.T){
			"event": m.event, "browse": m.browse, "identify": m.identify, "store": m.store, "merge": m.merge, "forget": m.forget, "turn": m.turn,
			"back": m.back, "disaster": m.disaster, "partly": m.partly, "": m.invariant,
		})
		m.end(r)
		runs, crashes, forgotten, restores, replayed = runs+1, crashes+m.crashes, forgotten+len(m.requests), restores+m.restores, replayed+m.replayed
	})
	t.Logf("%d runs, %d erasures, %d crashes, %d restores, %d with erasures that were carried out again", runs, forgotten, crashes, restores, replayed)
	if forgotten == 0 || crashes == 0 || restores == 0 || replayed == 0 {
		t.Error("nobody was forgotten, or nothing died or was restored")
	}
}
