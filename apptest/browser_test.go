package apptest

import (
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/browser"
)

// TestBrowserWithoutConsent: before anybody agreed, a visit leaves nothing in
// the browser and no identifier in the activity.
func TestBrowserWithoutConsent(t *testing.T) {
	s := up(t)
	b := browser.Start(t)
	b.Open(s.public + "/demo/")
	b.Wait(`document.documentElement.dataset.consent === 'known'`)
	if cookies := b.Cookies(); len(cookies) != 0 {
		t.Errorf("%d cookies before consent", len(cookies))
	}
	if n := b.Stored(); n != 0 {
		t.Errorf("%d things stored in the browser before consent", n)
	}
	eventually(t, 20*time.Second, "the page view", func() bool { return s.metrics(t)["zgoda_events_stored_total"] >= 1 })
	rows := s.rows(t, "SELECT count(), countIf(scope != 'none'), countIf(subject != toFixedString('',16) OR visitor != toFixedString('',16)) FROM events")
	if rows[0][0] == "0" || rows[0][1] != "0" || rows[0][2] != "0" {
		t.Errorf("rows, with a scope, with a pseudonym: %v", rows[0])
	}
	for _, r := range b.Requests() {
		if r.Method == "POST" && strings.Contains(r.Body, "anonymousId") {
			t.Errorf("an identifier was sent before consent to %s", r.URL)
		}
	}
}

// TestBrowserWithConsent: the dialogue's Allow all makes a pseudonymous row, and
// Refuse all afterwards takes the identifier away again.
func TestBrowserWithConsent(t *testing.T) {
	s := up(t)
	b := browser.Start(t)
	b.Open(s.public + "/demo/")
	b.Wait(`document.querySelector('#choices').open`)
	b.Click(`#choices [data-choose="all"]`)
	b.Wait(`!document.querySelector('#choices').open`)
	names := cookieNames(b)
	if len(names) != 2 {
		t.Fatalf("cookies after consent: %v", names)
	}
	for _, c := range b.Cookies() {
		if !c.HTTPOnly || c.Path != "/" {
			t.Errorf("cookie %s: HttpOnly %v, path %s", c.Name, c.HTTPOnly, c.Path)
		}
	}
	b.Click(`button[data-add]`)
	eventually(t, 20*time.Second, "a row of the agreed visit", func() bool {
		return s.rows(t, "SELECT count() FROM events WHERE name='Product Added' AND scope='person'")[0][0] == "1"
	})
	row := s.rows(t, "SELECT subject = visitor, subject != toFixedString('',16), decided_by, browser, properties FROM events WHERE name='Product Added'")[0]
	if row[0] != "true" || row[1] != "true" {
		if row[0] != "1" || row[1] != "1" {
			t.Errorf("the visitor's own pseudonym: %v", row)
		}
	}
	if !strings.Contains(row[4], "sku") {
		t.Errorf("properties: %q", row[4])
	}
	b.Open(s.public + "/demo/privacy")
	b.Wait(`document.documentElement.dataset.consent === 'known'`)
	if state := b.Text(`[data-purpose="profiling"] [data-allowed]`); state != "yes" {
		t.Errorf("the page says of profiling: %q", state)
	}

	b.Click(`footer [data-open-choices]`)
	b.Click(`#choices [data-choose="none"]`)
	b.Wait(`!document.querySelector('#choices').open`)
	if names := cookieNames(b); len(names) != 1 || !strings.Contains(names[0], "consent") {
		t.Errorf("cookies after a full refusal: %v", names)
	}
	before := s.rows(t, "SELECT countIf(scope='person') FROM events")[0][0]
	b.Open(s.public + "/demo/")
	b.Click(`button[data-add]`)
	s.settled(t, 20*time.Second)
	if after := s.rows(t, "SELECT countIf(scope='person') FROM events")[0][0]; after != before {
		t.Errorf("rows of scope person: %s before the refusal, %s after", before, after)
	}
}

// TestBrowserWithGPC: a browser that sends Global Privacy Control is not
// profiled, and the page says why.
func TestBrowserWithGPC(t *testing.T) {
	s := up(t)
	b := browser.Start(t)
	b.GPC()
	b.Open(s.public + "/demo/privacy")
	b.Wait(`document.documentElement.dataset.consent === 'known'`)
	if said := b.Text("#state-signals"); !strings.Contains(said, "Global Privacy Control") {
		t.Errorf("the page says: %q", said)
	}
	if by := b.Text(`[data-purpose="profiling"] [data-by]`); !strings.Contains(by, "Global Privacy Control") {
		t.Errorf("profiling was decided by: %q", by)
	}
	b.Open(s.public + "/demo/")
	b.Click(`button[data-add]`)
	eventually(t, 20*time.Second, "the browser's events", func() bool {
		return s.rows(t, "SELECT count() FROM events WHERE name='Product Added'")[0][0] == "1"
	})
	if rows := s.rows(t, "SELECT countIf(scope='person') FROM events"); rows[0][0] != "0" {
		t.Errorf("%s rows of scope person under GPC", rows[0][0])
	}
}

// TestPagesAreAccessible: axe-core finds nothing on any page of the demo, light
// and dark, phone and desktop, with the dialogue open and closed.
func TestPagesAreAccessible(t *testing.T) {
	s := up(t)
	b := browser.Start(t)
	for _, size := range [][2]int64{{390, 844}, {1280, 900}} {
		for _, dark := range []bool{false, true} {
			b.Look(size[0], size[1], dark)
			for _, path := range []string{"/demo/", "/demo/privacy"} {
				b.Open(s.public + path)
				b.Wait(`document.documentElement.dataset.consent === 'known'`)
				for _, v := range b.Axe() {
					t.Errorf("%s at %v, dark %v: %s (%s)", path, size, dark, v.ID, v.Impact)
				}
			}
		}
	}
}

func cookieNames(b *browser.Browser) []string {
	var names []string
	for _, c := range b.Cookies() {
		names = append(names, c.Name)
	}
	slices.Sort(names)
	return names
}
