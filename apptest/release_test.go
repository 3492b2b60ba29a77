package apptest

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"zgoda/apptest/browser"
)

// releaseSites are two of one shop, which differ in whether a grant releases what
// its page held.
const releaseSites = `
sites:
  - {id: keeps, keys: {public: [pk_keeps_1]}, release_unset: true, %[1]s}
  - {id: drops, keys: {public: [pk_drops_1]}, %[1]s}
`

const releaseSite = `origins: [%q], controller: {name: Shop s.r.o., establishment: SK}, purposes: [
    {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo},
    {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?"}},
    {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}]`

// releaseShop is a stack, and a shop on another port whose pages have the snippet.
type releaseShop struct {
	*stack
	pages string
}

func upReleaseShop(t *testing.T) *releaseShop {
	t.Helper()
	var public atomic.Value
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>Shop</title><link rel="icon" href="data:,">`+
			`<script src="%s/z.js" data-key="%s" data-release="on"></script><p>Shop</p>`, public.Load(), r.FormValue("key"))
	}))
	t.Cleanup(server.Close)
	path := filepath.Join(t.TempDir(), "zgoda.yaml")
	text := fmt.Sprintf(releaseSites, fmt.Sprintf(releaseSite, server.URL))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", path)
	public.Store(s.public)
	return &releaseShop{stack: s, pages: server.URL}
}

// open opens a page of the shop and waits until it knows what is in force.
func (s *releaseShop) open(b *browser.Browser, key string) {
	b.Open(s.pages + "/?key=" + key)
	b.Wait(`performance.getEntriesByType('resource').some(e => e.name.includes('/consent?'))`)
	browser.Eval[bool](b, `zgoda.consent().then(now => now !== null)`) // a whole round trip later
}

// choose makes a choice on the page, and waits until it is answered.
func choose(t *testing.T, b *browser.Browser, choices string) {
	t.Helper()
	if !browser.Eval[bool](b, `zgoda.consent(`+choices+`).then(now => now !== null)`) {
		t.Fatalf("%s was not taken", choices)
	}
}

func track(b *browser.Browser, name string) {
	browser.Eval[bool](b, fmt.Sprintf("zgoda.track(%q), true", name))
}

// stored returns how many rows of a name there are, in which scope, how many of
// them are flagged, and how many events they are, once rows of another name, sent
// later from the same page, are there.
func (s *releaseShop) stored(t *testing.T, name, later string) []string {
	t.Helper()
	eventually(t, 20*time.Second, "rows of "+later, func() bool {
		return s.sql(t, "SELECT count() FROM events WHERE name='"+later+"'") != "0"
	})
	s.settled(t, 20*time.Second)
	return s.rows(t, "SELECT count(), toString(any(scope)), countIf(bitTest(flags, 0)), uniqExact(message_id), uniqExact(scope) FROM events WHERE name='"+name+"'")[0]
}

func expectStored(t *testing.T, got []string, want ...string) {
	t.Helper()
	want = append(want, "1", "1") // one event, in one scope
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("rows, scope, flagged, events, scopes: %v, want %v", got, want)
	}
}

const (
	all    = `{analytics: true, profiling: true}`
	nobody = `{analytics: false, profiling: false}`
)

// TestRelease looks at the rows that come of events which a page made before
// anybody had chosen.
func TestRelease(t *testing.T) {
	t.Parallel()
	s := upReleaseShop(t)
	t.Run("a site that releases nothing", func(t *testing.T) { releaseOff(t, s) })
	t.Run("granted", func(t *testing.T) { releaseGranted(t, s) })
	t.Run("granted for one purpose", func(t *testing.T) { releaseGrantedPartly(t, s) })
	t.Run("refused", func(t *testing.T) { releaseRefused(t, s) })
	t.Run("refused on another page of the browser", func(t *testing.T) { releaseRefusedElsewhere(t, s) })
	t.Run("left before anybody chose", func(t *testing.T) { releaseLeft(t, s) })
	t.Run("more than a page holds", func(t *testing.T) { releaseManyHeld(t, s) })
}

func releaseOff(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_drops_1")
	track(b, "Off Seen")
	choose(t, b, all)
	track(b, "Off After")
	expectStored(t, s.stored(t, "Off Seen", "Off After"), "1", "none", "0")
	expectStored(t, s.stored(t, "Off After", "Off After"), "1", "person", "0")
}

func releaseGranted(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	track(b, "On Seen")
	for _, r := range b.Requests() {
		if r.Method == http.MethodPost {
			t.Errorf("sent before anybody chose, to %s", r.URL)
		}
	}
	if n, cookies := b.Stored(), b.Cookies(); n != 0 || len(cookies) != 0 {
		t.Errorf("%d things and %d cookies in the browser before anybody chose", n, len(cookies))
	}
	choose(t, b, all)
	track(b, "On After")
	expectStored(t, s.stored(t, "On Seen", "On After"), "1", "person", "1")
	expectStored(t, s.stored(t, "On After", "On After"), "1", "person", "0")
	got := s.rows(t, "SELECT uniqExact(subject), countIf(type = 'page' AND flags = 1), any(decided_by) != '' FROM events WHERE site = 'keeps' AND scope = 'person'")[0]
	if got[0] != "1" || got[1] != "1" {
		t.Errorf("pseudonyms, flagged page views: %v", got)
	}
	if n := s.metrics(t)[`zgoda_collector_held_total{fate="released"}`]; n != 2 {
		t.Errorf("%v events counted as released", n)
	}
}

func releaseGrantedPartly(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	track(b, "Partly Seen")
	choose(t, b, `{analytics: true, profiling: false}`)
	choose(t, b, all)
	track(b, "Partly After")
	expectStored(t, s.stored(t, "Partly Seen", "Partly After"), "1", "period", "1")
}

func releaseRefused(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	track(b, "Refused Seen")
	choose(t, b, nobody)
	track(b, "Refused Since")
	choose(t, b, all) // a change of mind reaches nothing of before
	track(b, "Refused After")
	expectStored(t, s.stored(t, "Refused Seen", "Refused After"), "1", "none", "0")
	expectStored(t, s.stored(t, "Refused Since", "Refused After"), "1", "none", "0")
	expectStored(t, s.stored(t, "Refused After", "Refused After"), "1", "person", "0")
}

func releaseRefusedElsewhere(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	browser.Eval[bool](b, fmt.Sprintf(`fetch('%s/consent', {method: 'POST', credentials: 'include', headers: {'Content-Type': 'text/plain'},
		body: JSON.stringify({key: 'pk_keeps_1', choices: %s})}).then(a => a.ok)`, s.public, nobody))
	track(b, "Elsewhere Seen")
	choose(t, b, all)
	track(b, "Elsewhere After")
	expectStored(t, s.stored(t, "Elsewhere Seen", "Elsewhere After"), "1", "none", "0")
}

func releaseLeft(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	track(b, "Reload Seen")
	s.open(b, "pk_keeps_1")
	if n, cookies := b.Stored(), b.Cookies(); n != 0 || len(cookies) != 0 {
		t.Errorf("%d things and %d cookies in the browser", n, len(cookies))
	}
	choose(t, b, all)
	track(b, "Reload After")
	expectStored(t, s.stored(t, "Reload Seen", "Reload After"), "1", "none", "0")
}

func releaseManyHeld(t *testing.T, s *releaseShop) {
	t.Helper()
	b := browser.Start(t)
	s.open(b, "pk_keeps_1")
	for range 30 {
		track(b, "Many Seen")
	}
	choose(t, b, all)
	track(b, "Many After")
	s.stored(t, "Many Seen", "Many After")
	got := s.rows(t, "SELECT count(), uniqExact(message_id), countIf(flags = 1 AND scope = 'person'), countIf(flags = 0 AND scope = 'none') FROM events WHERE name = 'Many Seen'")[0]
	if strings.Join(got, " ") != "30 30 20 10" {
		t.Errorf("rows, events, released, let go: %v", got)
	}
}

// TestForgedRelease: who marks events themselves gets nothing for it.
func TestForgedRelease(t *testing.T) {
	t.Parallel()
	s := upReleaseShop(t)
	forge := func(key, name, more string) {
		t.Helper()
		body := fmt.Sprintf(`{"key":%q,"events":[{"type":"track","name":%q,"anonymousId":"forger","released":["analytics","profiling"]}]%s}`, key, name, more)
		if resp, text := post(t, s.public+"/e", body, map[string]string{"Origin": s.pages, "Content-Type": "text/plain"}); resp.StatusCode != http.StatusNoContent {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	forge("pk_keeps_1", "Forged", "")
	forge("pk_keeps_1", "Forged Refused", `,"consent":{"analytics":false,"profiling":false}`)
	forge("pk_drops_1", "Forged Off", `,"consent":{"analytics":true,"profiling":true}`)
	forge("pk_keeps_1", "Forged Last", `,"consent":{"analytics":true,"profiling":false}`)
	// An event that was stored already is not stored again by releasing it.
	twice := `{"key":"pk_keeps_1","events":[{"type":"track","name":"Forged Twice","anonymousId":"forger","messageId":"twice-1"%s}],"consent":{%s}}`
	for _, body := range []string{fmt.Sprintf(twice, "", ""), fmt.Sprintf(twice, `,"released":["analytics"]`, `"analytics":true`)} {
		post(t, s.public+"/e", body, map[string]string{"Origin": s.pages, "Content-Type": "text/plain"})
		s.settled(t, 20*time.Second)
	}
	expectStored(t, s.stored(t, "Forged Twice", "Forged Last"), "1", "none", "0")
	expectStored(t, s.stored(t, "Forged", "Forged Last"), "1", "none", "0")
	expectStored(t, s.stored(t, "Forged Refused", "Forged Last"), "1", "none", "0")
	expectStored(t, s.stored(t, "Forged Off", "Forged Last"), "1", "none", "0")
	expectStored(t, s.stored(t, "Forged Last", "Forged Last"), "1", "period", "1")
	m := s.metrics(t)
	if m[`zgoda_collector_held_total{fate="denied"}`] != 2 || m[`zgoda_collector_held_total{fate="off"}`] != 1 || m[`zgoda_collector_held_total{fate="released"}`] != 2 {
		t.Errorf("counted: %v", m)
	}
}
