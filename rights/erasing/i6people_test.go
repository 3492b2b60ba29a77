package erasing

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/pseudonym"
	"zgoda/restore"
)

// somebody is a contact or a browser, as the keyholder knows it, by its pseudonym of
// consent.
type somebody struct {
	consent  event.Handle
	name     string
	browsers []*somebody
	past     []*somebody // contacts that were merged into it
}

func (p *somebody) own() []*somebody { return append([]*somebody{p}, p.past...) }

// bond is a browser that was a contact's from a time on, until the request that forgot
// the contact.
type bond struct {
	contact, browser *somebody
	at               time.Time
	over             control.RequestID
}

// act is an event that was accepted.
type act struct {
	by      *somebody
	subject event.Handle
	at      time.Time
	gone    []control.RequestID // it is theirs who were forgotten by these
}

// lives is what people do with a system whose parts are real but ClickHouse, and what
// must be left of it.
type lives struct {
	t    *testing.T
	r    *rapid.T
	dir  string
	keys *keyholding
	w    *world
	e    *Eraser
	made *restore.Journal // erasures on this gateway's disk: no backup has them

	users, browsers []string
	people          map[event.Handle]*somebody
	bonds           []bond
	acts            []act
	erased          map[*somebody]control.RequestID
	requests        []control.RequestID
	anew            map[control.RequestID]bool // known from the journal of erasures alone
	saved           *backup
	points          []string

	browsersMade, crashes, restores, replayed int
}

func newLives(t *testing.T, r *rapid.T, template string, points []string) *lives {
	t.Helper()
	dir := t.TempDir()
	m := &lives{
		t: t, r: r, dir: dir, keys: newKeyholding(t, template), w: newWorld(t, filepath.Join(dir, "control", "control.db")),
		people: map[event.Handle]*somebody{}, erased: map[*somebody]control.RequestID{}, anew: map[control.RequestID]bool{}, points: points,
	}
	var err error
	if m.made, err = restore.OpenJournal(filepath.Join(dir, "erasures")); err != nil {
		t.Fatal(err)
	}
	m.e = m.eraser()
	for i := range 3 { // few, so that they share
		m.users, m.browsers = append(m.users, fmt.Sprintf("user-%d", i)), append(m.browsers, m.newBrowser())
	}
	for range rapid.IntRange(0, 4).Draw(r, "last month") { // their pseudonyms of counting are others now
		m.event(r)
	}
	m.keys.goesOn()
	m.e = m.eraser()
	return m
}

// eraser is an Eraser with the real keyholder and files.
func (m *lives) eraser() *Eraser {
	e := m.w.eraser()
	e.deps.Keys, e.deps.Journal = m.keys.rights, m.made
	return e
}

func (m *lives) must(err error) {
	m.t.Helper()
	if err != nil {
		m.r.Fatal(err)
	}
}

func (m *lives) newBrowser() string {
	m.browsersMade++
	return fmt.Sprintf("browser-%d", m.browsersMade)
}

// somebody is whom the keyholder knows by these pseudonyms.
func (m *lives) somebody(h event.Handles, name string) *somebody {
	p := m.people[h.Consent]
	if p == nil {
		p = &somebody{consent: h.Consent, name: name}
		m.people[h.Consent] = p
	}
	return p
}

// user is whose an identifier is now. One who was forgotten is another by then.
func (m *lives) user(r *rapid.T) (*somebody, event.Handles) {
	name := rapid.SampledFrom(m.users).Draw(r, "user")
	h := m.keys.resolve(event.KindUserID, name)
	p := m.somebody(h, name)
	if id, erased := m.erased[p]; erased && m.writtenDown(id) {
		r.Fatalf("%s was forgotten and is who they were", name)
	}
	return p, h
}

// writtenDown says whether an erasure is in the journal on this gateway's disk.
func (m *lives) writtenDown(id control.RequestID) bool {
	return slices.Contains(m.made.IDs(), [16]byte(id))
}

// browser is a browser; of one that was forgotten the cookie was taken away.
func (m *lives) browser(r *rapid.T) (*somebody, event.Handles) {
	i := rapid.IntRange(0, len(m.browsers)-1).Draw(r, "browser")
	h := m.keys.resolve(event.KindVisitor, m.browsers[i])
	if _, erased := m.erased[m.somebody(h, m.browsers[i])]; erased {
		m.browsers[i] = m.newBrowser()
		h = m.keys.resolve(event.KindVisitor, m.browsers[i])
	}
	return m.somebody(h, m.browsers[i]), h
}

// does is an event of somebody, of one of the scopes. Nobody is denied but who was
// forgotten.
func (m *lives) does(r *rapid.T, p *somebody, h event.Handles) {
	record, err := m.w.Record(m.t.Context(), shop, p.consent)
	m.must(err)
	if record.State != consent.StateActive {
		if _, erased := m.erased[p]; !erased {
			r.Fatalf("%s is denied, and was not forgotten", p.name)
		}
		return
	}
	a := act{by: p, subject: rapid.SampledFrom([]event.Handle{h.Profiling, h.Analytics}).Draw(r, "scope"), at: m.w.now()}
	m.w.spool = append(m.w.spool, spooled{p.consent, row{subject: a.subject, at: a.at}})
	m.acts = append(m.acts, a)
}

func (m *lives) event(r *rapid.T) {
	p, h := m.user(r)
	m.does(r, p, h)
}

func (m *lives) browse(r *rapid.T) {
	p, h := m.browser(r)
	m.does(r, p, h)
}

func (m *lives) store(*rapid.T) { m.must(m.w.ship(m.t.Context())) }

// identify is a login.
func (m *lives) identify(r *rapid.T) {
	c, h := m.user(r)
	b, seen := m.browser(r)
	if _, erased := m.erased[c]; erased || slices.Contains(c.browsers, b) {
		return
	}
	visitor := m.keys.query(event.KindVisitor, b.name).H1
	_, err := m.keys.client.Link(m.t.Context(), pseudonym.LinkRequest{Contact: []pseudonym.Query{m.keys.query(event.KindUserID, c.name)}, Visitor: visitor})
	m.must(err)
	at := m.w.now()
	m.says(ledger.Entry{Site: shop, Subject: c.consent, Linked: b.consent, State: ledger.StateLinked, Type: ledger.EventImplied, Channel: ledger.ChannelEvent, At: at})
	c.browsers = append(c.browsers, b)
	m.bonds = append(m.bonds, bond{contact: c, browser: b, at: at})
	m.does(r, c, h)
	m.does(r, b, seen)
}

func (m *lives) says(e ledger.Entry) {
	m.t.Helper()
	_, err := m.w.Write(m.t.Context(), e)
	m.must(err)
}

// merge makes two contacts one, as the console does: tied first.
func (m *lives) merge(r *rapid.T) {
	a, _ := m.user(r)
	b, _ := m.user(r)
	_, first := m.erased[a]
	_, second := m.erased[b]
	if a == b || first || second {
		return // it is refused while one of them is being forgotten
	}
	for _, o := range b.own() {
		m.says(ledger.Entry{Site: shop, Subject: a.consent, Linked: o.consent, State: ledger.StateConflict, Type: ledger.EventImplied, Channel: ledger.ChannelOperator, Actor: "ana", At: m.w.now()})
	}
	keep, _ := m.keys.known(a.name)
	drop, _ := m.keys.known(b.name)
	_, _, err := m.keys.rights.Merge(acting(), keep, drop, false)
	m.must(err)
	a.past = append(a.past, b.own()...)
	for _, v := range b.browsers {
		if !slices.Contains(a.browsers, v) {
			a.browsers = append(a.browsers, v)
		}
	}
}

// opened opens a case at the keyholder, and its request.
func (m *lives) opened(p *somebody, mode control.EraseMode) (control.Request, pseudonym.OpenedCase) {
	r, _ := m.w.open(&person{consent: p.consent}, mode, time.Time{})
	list, err := m.keys.rights.OpenCases(acting(), []pseudonym.CaseOf{{ID: r.ID, Site: shop, Who: pseudonym.Who{Kind: event.KindUserID, Value: p.name}}})
	m.must(err)
	if len(list) != 1 || list[0].State != pseudonym.CaseOpen {
		m.r.Fatalf("the case of %s is %+v", p.name, list)
	}
	return r, list[0]
}

// forget has some contacts forgotten in one call, and works out what of all that was
// done is theirs.
func (m *lives) forget(r *rapid.T) {
	var list []control.Request
	var of []pseudonym.OpenedCase
	for range rapid.IntRange(1, 2).Draw(r, "people") {
		p, _ := m.user(r)
		if _, erased := m.erased[p]; erased {
			continue
		}
		request, opened := m.opened(p, rapid.SampledFrom([]control.EraseMode{control.EraseAll, control.EraseAnonymise}).Draw(r, "mode"))
		list, of = append(list, request), append(of, opened)
		m.requests = append(m.requests, request.ID)
		m.forgotten(p, request.ID)
	}
	if m.crashing(r, func() error { return m.e.Accepted(m.t.Context(), list, of) }) {
		m.must(m.w.turn(m.t.Context(), m.e)) // fences: what is said above is of now
	}
}

func (m *lives) forgotten(p *somebody, id control.RequestID) {
	own := p.own()
	for _, o := range own {
		m.erased[o] = id
		m.take(o, time.Time{}, time.Time{}, id)
	}
	for _, v := range p.browsers {
		m.takeBrowser(own, v, id)
	}
	for i := range m.bonds {
		if slices.Contains(own, m.bonds[i].contact) {
			m.bonds[i].over = id
		}
	}
}

// takeBrowser says what a forgotten one did in a browser: everything, or what was
// before others were there.
func (m *lives) takeBrowser(own []*somebody, v *somebody, id control.RequestID) {
	var others []time.Time
	for _, l := range m.bonds {
		if l.browser == v && l.over == (control.RequestID{}) && !slices.Contains(own, l.contact) {
			others = append(others, l.at)
		}
	}
	if len(others) == 0 {
		m.erased[v] = id
		m.take(v, time.Time{}, time.Time{}, id)
		return
	}
	for _, l := range m.bonds {
		if l.browser != v || !slices.Contains(own, l.contact) {
			continue
		}
		to := m.w.clock
		for _, o := range others {
			if o.After(l.at) && o.Before(to) {
				to = o
			}
		}
		m.take(v, l.at, to, id)
	}
}

func (m *lives) take(p *somebody, from, to time.Time, id control.RequestID) {
	for i := range m.acts {
		a := &m.acts[i]
		if a.by == p && !a.at.Before(from) && (to.IsZero() || a.at.Before(to)) {
			a.gone = append(a.gone, id)
		}
	}
}

func (m *lives) turn(r *rapid.T) {
	_ = m.crashing(r, func() error { return m.w.turn(m.t.Context(), m.e) })
}

// crashing does something, and may die at any durable point.
func (m *lives) crashing(r *rapid.T, do func() error) bool {
	if rapid.IntRange(0, 2).Draw(r, "dies") == 0 {
		at := rapid.SampledFrom(m.points).Draw(r, "at")
		m.e.step = func(p string) {
			if p == at {
				panic(crash{p})
			}
		}
	}
	died, err := dies(do)
	m.must(err)
	if died {
		m.crashes++
		m.e = m.eraser()
		m.passGate()
	}
	m.e.step = func(string) {}
	return died
}

// carriedOut carries everything out that was accepted, and dies on the way.
func (m *lives) carriedOut(r *rapid.T) {
	m.t.Helper()
	for range 2 {
		m.turn(r)
	}
	for range 6 {
		m.must(errors.Join(m.w.turn(m.t.Context(), m.e), m.w.ship(m.t.Context())))
	}
}
