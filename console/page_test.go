package console_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/apptest/browser"
	"zgoda/console/consoletest"
)

// pictures, where it is set, is the folder that the pages' pictures go to.
var pictures = os.Getenv("ZGODA_PICTURES")

// TestDryRunInABrowser reads the page as people do: in the light and the dark
// scheme, on a desktop and on a phone, by the keyboard, and with nothing that
// axe-core finds fault with.
func TestDryRunInABrowser(t *testing.T) {
	r := consoletest.Start(t, nil)
	b := browser.Start(t)
	b.Open(r.URL + "/dryrun?site=demo")
	if got := browser.Eval[string](b, `document.getElementById('site').value`); got != "demo" {
		t.Errorf("the site is %q", got)
	}
	submit := func(token string) {
		// Enter in the field of the token, as the keyboard does it.
		browser.Eval[bool](b, fmt.Sprintf(`document.getElementById('token').value = %q, document.getElementById('ask').requestSubmit(), true`, token))
	}
	submit("zgoda_wrong")
	b.Wait(`document.getElementById('status').textContent.startsWith('Not shown')`)
	if got := b.Text("#status"); got != "Not shown: a valid Bearer token is needed." {
		t.Error(got)
	}
	submit(r.Local.Reveal())
	b.Wait(`!document.getElementById('report').hidden`)
	text := b.Text("#report")
	for _, want := range []string{
		"Of 3 events the candidate would decide 1 event otherwise (33.3 %).",
		"Since 2026-01-02 03:04:05 UTC. Live policy version 1, candidate 2.",
		"1 decision would be denied that is allowed now.",
		"Now allowed, since a grant is on record; with the candidate denied, since the browser sends Global Privacy Control.",
		"a row under a pseudonym of one month",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in %s", want, text)
		}
	}
	if focused := browser.Eval[string](b, `document.activeElement.id`); focused != "report" {
		t.Errorf("the focus is on %q, so a screen reader stays where it was", focused)
	}
	if stored := b.Stored(); stored != 0 || len(b.Cookies()) != 0 {
		t.Errorf("%d things stored, %d cookies", stored, len(b.Cookies()))
	}
	for _, request := range b.Requests() {
		if !strings.HasPrefix(request.URL, r.URL) || strings.Contains(request.URL, r.Local.Reveal()) {
			t.Error("the page asks elsewhere, or has a token in an address")
		}
	}
	for name, look := range map[string]struct {
		width, height int64
		dark          bool
	}{"desktop-light": {1200, 1000, false}, "desktop-dark": {1200, 1000, true}, "phone-light": {390, 844, false}, "phone-dark": {390, 844, true}} {
		b.Look(look.width, look.height, look.dark)
		for _, v := range b.Axe() {
			t.Errorf("%s: %s (%s): %v", name, v.Help, v.Impact, v.Nodes)
		}
		if wider := browser.Eval[bool](b, `document.documentElement.scrollWidth > document.documentElement.clientWidth`); wider {
			t.Errorf("%s: the page is wider than its window", name)
		}
		if pictures != "" {
			b.Screenshot(filepath.Join(pictures, "dryrun-"+name+".png"))
		}
	}
}
