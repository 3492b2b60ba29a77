package erasing

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/event"
	"zgoda/pseudonym"
)

// i6 is what I6 is checked against: who did what, and who is forgotten.
type i6 struct {
	t *testing.T
	w *world
	e *Eraser

	contacts, browsers []*person
	links              []tied
	did                []deed
	erased             map[*person]bool // accepted
	requests           []control.Request
	points             []string
	crashes            int
}

// tied is a browser that was a contact's from a time on.
type tied struct {
	contact, browser *person
	at               time.Time
	over             bool // the contact is forgotten
}

// deed is an event that was accepted.
type deed struct {
	by   *person
	at   time.Time
	gone bool // it is a forgotten one's
}

func newI6(t *testing.T) *i6 {
	t.Helper()
	m := &i6{t: t, w: newWorld(t, controlPath(t)), erased: map[*person]bool{}, points: points(t, control.EraseAnonymise, false)}
	m.e = m.w.eraser()
	for range 4 {
		m.contacts, m.browsers = append(m.contacts, m.known()), append(m.browsers, newPerson())
	}
	return m
}

func (m *i6) known() *person {
	p := newPerson()
	m.w.keys[p] = true
	return p
}

// acts is an event of somebody, if they are not denied.
func (m *i6) acts(p *person) {
	m.t.Helper()
	r, err := m.w.Record(m.t.Context(), shop, p.consent)
	if err != nil {
		m.t.Fatal(err)
	}
	if r.State != consent.StateActive {
		return
	}
	at := m.w.now()
	m.w.spool = append(m.w.spool, spooled{p.consent, row{subject: p.subject, at: at}})
	m.did = append(m.did, deed{by: p, at: at})
}

// contact is one of the contacts; whoever was forgotten is another by now.
func (m *i6) contact(t *rapid.T) *person {
	i := rapid.IntRange(0, len(m.contacts)-1).Draw(t, "contact")
	if p := m.contacts[i]; !m.w.keys[p] {
		m.contacts[i] = m.known()
	}
	return m.contacts[i]
}

// browser is one of the browsers; of one that was forgotten the cookie was taken away.
func (m *i6) browser(t *rapid.T) *person {
	i := rapid.IntRange(0, len(m.browsers)-1).Draw(t, "browser")
	if m.erased[m.browsers[i]] {
		m.browsers[i] = newPerson()
	}
	return m.browsers[i]
}

func (m *i6) event(t *rapid.T)  { m.acts(m.contact(t)) }
func (m *i6) browse(t *rapid.T) { m.acts(m.browser(t)) }
func (m *i6) store(*rapid.T) {
	if err := m.w.ship(m.t.Context()); err != nil {
		m.t.Fatal(err)
	}
}

// identify is a login.
func (m *i6) identify(t *rapid.T) {
	c, b := m.contact(t), m.browser(t)
	if m.erased[c] || slices.Contains(c.visitors, b) {
		return
	}
	at := m.w.now()
	m.w.link(c, b, at)
	m.links = append(m.links, tied{contact: c, browser: b, at: at})
	m.acts(c)
}

// merge makes two contacts one.
func (m *i6) merge(t *rapid.T) {
	a, b := m.contact(t), m.contact(t)
	if a == b || m.erased[a] || m.erased[b] {
		return // the keyholder refuses while a request is open
	}
	for i := range m.contacts {
		if m.contacts[i] == b {
			m.contacts[i] = a
		}
	}
	a.past = append(append(a.past, b), b.past...)
	for _, v := range b.visitors {
		if !slices.Contains(a.visitors, v) {
			a.visitors = append(a.visitors, v)
		}
	}
	delete(m.w.keys, b)
}

// own are all that a contact was.
func (p *person) own() []*person { return append([]*person{p}, p.past...) }

// forget has some contacts forgotten in one call.
func (m *i6) forget(t *rapid.T) {
	var list []control.Request
	var of []pseudonym.OpenedCase
	for range rapid.IntRange(1, 3).Draw(t, "people") {
		p := m.contact(t)
		if m.erased[p] {
			continue
		}
		mode := rapid.SampledFrom([]control.EraseMode{control.EraseAll, control.EraseAnonymise}).Draw(t, "mode")
		r, c := m.w.open(p, mode, time.Time{})
		list, of = append(list, r), append(of, c)
		m.forgotten(p)
	}
	m.requests = append(m.requests, list...)
	if m.crashing(t, func() error { return m.e.Accepted(m.t.Context(), list, of) }) {
		// Whoever leads fences. What is done before that is a forgotten one's too, but
		// what was said above is of now.
		if err := m.w.turn(m.t.Context(), m.e); err != nil {
			m.t.Fatal(err)
		}
	}
}

// forgotten works out what of all that was done is somebody's, as if those who are
// forgotten together were one after the other.
func (m *i6) forgotten(p *person) {
	own := p.own()
	for _, o := range own {
		m.erased[o] = true
		m.take(o, time.Time{}, time.Time{})
	}
	for _, v := range p.visitors {
		m.takeBrowser(own, v)
	}
	for i := range m.links {
		if slices.Contains(own, m.links[i].contact) {
			m.links[i].over = true
		}
	}
}

// takeBrowser says what a forgotten one did in a browser.
func (m *i6) takeBrowser(own []*person, v *person) {
	var others []time.Time
	for _, l := range m.links {
		if l.browser == v && !l.over && !slices.Contains(own, l.contact) {
			others = append(others, l.at)
		}
	}
	if len(others) == 0 {
		m.erased[v] = true
		m.take(v, time.Time{}, time.Time{})
		return
	}
	for _, l := range m.links {
		if l.browser != v || !slices.Contains(own, l.contact) {
			continue
		}
		to := m.w.clock
		for _, o := range others {
			if o.After(l.at) && o.Before(to) {
				to = o
			}
		}
		m.take(v, l.at, to)
	}
}

// take marks what somebody did in a time as a forgotten one's.
func (m *i6) take(p *person, from, to time.Time) {
	for i := range m.did {
		d := &m.did[i]
		if d.by == p && !d.at.Before(from) && (to.IsZero() || d.at.Before(to)) {
			d.gone = true
		}
	}
}

// turn is one look of everything, which may die at any durable point.
func (m *i6) turn(t *rapid.T) {
	_ = m.crashing(t, func() error { return m.w.turn(m.t.Context(), m.e) })
}

func (m *i6) crashing(t *rapid.T, do func() error) bool {
	if rapid.IntRange(0, 2).Draw(t, "dies") == 0 {
		at := rapid.SampledFrom(m.points).Draw(t, "at")
		m.e.step = func(p string) {
			if p == at {
				panic(crash{p})
			}
		}
	}
	died, err := dies(do)
	if err != nil {
		m.t.Fatal(err)
	}
	if died {
		m.crashes++
		m.e = m.w.eraser()
	}
	m.e.step = func(string) {}
	return died
}

// invariant: nobody who was accepted is seen, or stored anew.
func (m *i6) invariant(t *rapid.T) {
	for p := range m.erased {
		if n := m.w.visible(p.subject); n > 0 && m.fenced(p) {
			t.Fatalf("%d rows of a forgotten one are seen", n)
		}
	}
}

// fenced says whether the acceptance came as far as that; else it died before.
func (m *i6) fenced(p *person) bool {
	r, err := m.w.Record(m.t.Context(), shop, p.consent)
	return err == nil && r.State == consent.StateErased
}

// end carries everything out and compares what is left with what must be.
func (m *i6) end(t *rapid.T) {
	m.t.Helper()
	for range 6 {
		if err := errors.Join(m.w.turn(m.t.Context(), m.e), m.w.ship(m.t.Context())); err != nil {
			m.t.Fatal(err)
		}
	}
	for i := range m.requests {
		m.w.complete(m.requests[i].ID)
	}
	left, want := map[event.Handle]int{}, map[event.Handle]int{}
	for _, r := range m.w.rows {
		if !r.nobody {
			left[r.subject]++
		}
	}
	for _, d := range m.did {
		if !d.gone {
			want[d.by.subject]++
		}
	}
	if !maps.Equal(left, want) {
		t.Fatalf("%d people have rows, and %d must have: %v, %v", len(left), len(want), slices.Sorted(maps.Values(left)), slices.Sorted(maps.Values(want)))
	}
	for p := range m.erased {
		if m.w.keys[p] {
			t.Fatal("keys of a forgotten one are left")
		}
	}
	if _, err := m.w.store.Verify(m.t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestI6Machine: whatever people do, and whenever the gateway dies, who was forgotten
// is gone, and of nobody else anything.
func TestI6Machine(t *testing.T) {
	runs, crashes, forgotten := 0, 0, 0
	rapid.Check(t, func(r *rapid.T) {
		m := newI6(t)
		r.Repeat(map[string]func(*rapid.T){
			"event": m.event, "browse": m.browse, "identify": m.identify, "store": m.store, "merge": m.merge, "forget": m.forget, "turn": m.turn, "": m.invariant,
		})
		m.end(r)
		runs, crashes, forgotten = runs+1, crashes+m.crashes, forgotten+len(m.requests)
	})
	t.Logf("%d runs, %d erasures, %d crashes", runs, forgotten, crashes)
	if forgotten == 0 || crashes == 0 {
		t.Error("nobody was forgotten, or nothing died")
	}
}
