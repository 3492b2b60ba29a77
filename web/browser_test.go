package web_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"zgoda/apptest/browser"
	"zgoda/consent/cookie"
	"zgoda/event"
)

const (
	ready   = "document.documentElement.dataset.consent === 'known'"
	asking  = "document.getElementById('choices').open"
	decided = "!document.getElementById('choices').open && document.getElementById('said').textContent !== ''"
)

func TestShopInABrowser(t *testing.T) {
	url, s := serve(t)
	b := browser.Start(t)

	b.Open(url + "/demo/?utm_source=mail&email=jana%40example.org#secret")
	b.Wait(ready)
	b.Wait(asking)
	first := s.wait(t, "the page view", has("page", ""))
	if first.Key != "demo-key" || first.GPC || first.visitor || len(first.Consent) != 0 || first.Events[0].UserID != "" {
		t.Errorf("%+v", first)
	}
	if got := first.Events[0].Page.URL; got != url+"/demo/?utm_source=mail" {
		t.Errorf("the address holds more than it may: %s", got)
	}
	if n := browser.Eval[int](b, "document.querySelectorAll('#choices input:checked').length"); n != 0 {
		t.Errorf("%d boxes are ticked before anyone chose", n)
	}
	if c := b.Cookies(); len(c) != 0 || b.Stored() != 0 {
		t.Errorf("%d cookies, %d other things before consent", len(c), b.Stored())
	}
	b.Do()
	if browser.Eval[bool](b, "window.zgoda.identify('u-1'), true"); s.has("u-1") {
		t.Error("an identifier left the page before consent")
	}

	b.Click("#choices input[name=analytics]")
	b.Click("#choices [data-choose=some]")
	b.Wait(decided)
	names := map[string]bool{}
	for _, c := range b.Cookies() {
		names[c.Name] = c.HTTPOnly && c.Secure
	}
	if len(names) != 2 || !names[cookie.Visitor] || !names[cookie.Choice] {
		t.Errorf("cookies %v", names)
	}
	if got := browser.Eval[string](b, "document.cookie"); got != "" {
		t.Error("a script can read the cookies")
	}
	b.Click(".products li:first-child [data-add]")
	added := s.wait(t, "the track", has("track", "Product Added"))
	if !added.visitor {
		t.Error("the visitor's cookie does not come with events after consent")
	}

	b.Open(url + "/demo/privacy")
	b.Wait(ready)
	if yes, no := b.Text("tr[data-purpose=analytics] [data-allowed]"), b.Text("tr[data-purpose=profiling] [data-allowed]"); yes != "yes" || no != "no" {
		t.Errorf("analytics %s, profiling %s", yes, no)
	}
	if browser.Eval[bool](b, asking) {
		t.Error("asked again, though answered")
	}

	b.Click("main [data-open-choices]")
	b.Wait(asking)
	b.Click("#choices [data-choose=none]")
	b.Wait(decided)
	for _, c := range b.Cookies() {
		if c.Name != cookie.Choice {
			t.Errorf("%s is left after refusing all", c.Name)
		}
	}
	if got := b.Text("tr[data-purpose=analytics] [data-allowed]"); got != "no" {
		t.Errorf("analytics %s", got)
	}
	// What happens after a refusal says so at once.
	browser.Eval[bool](b, "window.zgoda.track('After'), true")
	after := s.wait(t, "the track after the refusal", has("track", "After"))
	if v, ok := after.Consent["analytics"]; !ok || v || after.visitor {
		t.Errorf("%+v", after)
	}
	if b.Stored() != 0 {
		t.Error("something is stored")
	}
}

// TestProvenChoiceInABrowser: after an identify with a proof, a choice is the
// contact's too, and the id leaves the page with that choice and not before; an
// identify without one speaks for nobody.
func TestProvenChoiceInABrowser(t *testing.T) {
	url, s := serve(t)
	b := browser.Start(t)
	b.Open(url + "/demo/")
	b.Wait(ready)
	mac := hmac.New(sha256.New, []byte("sk"))
	mac.Write([]byte("jana-1"))
	choose := `zgoda.consent({analytics: true, profiling: false}).then(s => !!s && s.visitor)`
	browser.Eval[bool](b, `zgoda.identify('jana-1', {}, {proof: '`+hex.EncodeToString(mac.Sum(nil))+`'}), true`)
	if s.has("jana-1") {
		t.Error("the id left the page before a choice")
	}
	if !browser.Eval[bool](b, choose) {
		t.Fatal("the choice was not taken")
	}
	var jana event.Handle
	copy(jana[:], "jana-1")
	if contact, n := s.people.last(); contact != jana || n != 1 {
		t.Errorf("%d choices, the contact's %v", n, contact == jana)
	}
	browser.Eval[bool](b, `zgoda.identify('eva-1'), true`)
	if !browser.Eval[bool](b, choose) {
		t.Fatal("the second choice was not taken")
	}
	if contact, n := s.people.last(); !contact.IsZero() || n != 2 {
		t.Errorf("%d choices, and without a proof one for a contact", n)
	}
	if browser.Eval[bool](b, `zgoda.identify('eva-1', {}, {proof: 'nothing'}), zgoda.consent({analytics: false}).then(s => !!s)`) {
		t.Error("a wrong proof was taken")
	}
}

func TestGPCInABrowser(t *testing.T) {
	url, s := serve(t)
	b := browser.Start(t)
	b.GPC()
	b.Open(url + "/demo/privacy")
	b.Wait(ready)
	if first := s.wait(t, "the page view", has("page", "")); !first.GPC {
		t.Error("the snippet does not carry the signal")
	}
	if got := b.Text("#choices-gpc"); !strings.Contains(got, "Global Privacy Control") || !strings.Contains(got, "profiling") {
		t.Errorf("the dialogue does not say so: %q", got)
	}
	b.Click("#choices [data-choose=all]")
	b.Wait(decided)
	if got, by := b.Text("tr[data-purpose=profiling] [data-allowed]"), b.Text("tr[data-purpose=profiling] [data-by]"); got != "no" || !strings.Contains(by, "Global Privacy Control") {
		t.Errorf("profiling %s by %s", got, by)
	}
	if got := b.Text("tr[data-purpose=analytics] [data-allowed]"); got != "yes" {
		t.Errorf("analytics %s: the person's own choice was made while the signal was on", got)
	}
}

func TestSinglePageApplication(t *testing.T) {
	url, s := serve(t)
	b := browser.Start(t)
	b.Open(url + "/demo/")
	b.Wait(ready)
	browser.Eval[bool](b, `history.pushState({}, '', '/demo/mug-01?token=x'), history.replaceState({}, '', '/demo/mug-01#a'), history.pushState({}, '', '/demo/mug-01#b'), true`)
	s.wait(t, "the second page view", func(b *batch) bool {
		for _, e := range b.Events {
			if e.Type == "page" && e.Page.URL == url+"/demo/mug-01" {
				if e.Page.Referrer != url+"/demo/" {
					t.Errorf("referrer %s", e.Page.Referrer)
				}
				return true
			}
		}
		return false
	})
	// Bad calls of the page stay without effect on it.
	if !browser.Eval[bool](b, `(zgoda.track(), zgoda.track({}), zgoda('nothing'), zgoda.page(null, (() => { const a = {}; a.a = a; return a })()), zgoda.identify(), true)`) {
		t.Error("the snippet threw into the page")
	}
	if s.has("token") {
		t.Error("a parameter that nobody needs was sent")
	}
	if n := browser.Eval[int](b, `zgoda.consent().then(s => Object.keys(s.purposes).length)`); n != len(demoPolicy.Purposes) {
		t.Errorf("%d purposes in the state", n)
	}
}

// TestAccessible checks the pages with axe-core and takes pictures of them: in
// both schemes, on a phone and on a desk. ZGODA_PICTURES names a folder to keep
// the pictures in.
func TestAccessible(t *testing.T) {
	url, _ := serve(t)
	b := browser.Start(t)
	pictures := os.Getenv("ZGODA_PICTURES")
	if pictures == "" {
		pictures = t.TempDir()
	}
	check := func(name string) {
		for scheme, dark := range map[string]bool{"light": false, "dark": true} {
			for size, width := range map[string]int64{"phone": 390, "desk": 1280} {
				b.Look(width, 844, dark)
				for _, v := range b.Axe() {
					t.Errorf("%s %s %s: %s %s %v", name, scheme, size, v.ID, v.Help, v.Nodes)
				}
				if over := browser.Eval[int](b, "document.documentElement.scrollWidth - window.innerWidth"); over > 0 {
					t.Errorf("%s %s: %d pixels too wide", name, size, over)
				}
				b.Screenshot(filepath.Join(pictures, name+"-"+scheme+"-"+size+".png"))
			}
		}
	}
	b.GPC()
	b.Open(url + "/demo/")
	b.Wait(ready)
	b.Wait(asking)
	check("asked")
	b.Click("#choices [data-choose=some]")
	b.Wait(decided)
	check("list")
	b.Open(url + "/demo/privacy")
	b.Wait(ready)
	check("privacy")
	b.Click("main [data-open-choices]")
	b.Wait(asking)
	check("choices")
	b.Open(url + "/demo/lamp-02")
	b.Wait(ready)
	check("product")
}
