package apptest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/browser"
	"zgoda/confirm"
	"zgoda/mail/mailtest"
)

const shopSecret = "sk_live_0123456789abcdef"

// shopConfig is a site with a mail server; more is added to its purposes.
func shopConfig(t *testing.T, post *mailtest.Server, establishment, more string) string {
	t.Helper()
	dir := t.TempDir()
	secret := filepath.Join(dir, "shop.secret")
	if err := os.WriteFile(secret, []byte(shopSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf(`
sites:
  - id: shop
    keys: {public: [pk_shop_12345678], secret_file: shop.secret}
    origins: [https://shop.example]
    controller: {name: Shop s.r.o., address: "Hlavna 1, Bratislava", establishment: %s, contact: dpo@shop.example}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo%s, text: {en: "See how you use the shop.", sk: "Vidieť, ako používate obchod."}}
      - {id: marketing, kind: marketing, basis: consent, retention: 13mo, text: {en: "Send you offers.", sk: "Posielať vám ponuky."}}
mail: {host: 127.0.0.1, port: %d, tls: none, from: consent@shop.example, links: "http://127.0.0.1:8080"}
`, establishment, more, post.Port)
	path := filepath.Join(dir, "zgoda.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// shop runs a stack with that site.
func shop(t *testing.T, post *mailtest.Server, establishment, more string) *stack {
	t.Helper()
	return up(t, "--config", shopConfig(t, post, establishment, more))
}

// local is the header of the commands on this machine.
func (s *stack) local(t *testing.T) map[string]string {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(s.data, "run", "console.json"))
	if err != nil {
		t.Fatal(err)
	}
	var access struct{ Token string }
	if err := json.Unmarshal(raw, &access); err != nil {
		t.Fatal(err)
	}
	return map[string]string{"Authorization": "Bearer " + access.Token, "Content-Type": "application/json"}
}

// states are the ledger's entries about a contact.
func (s *stack) states(t *testing.T, identifier string) string {
	t.Helper()
	headers := s.local(t)
	resp, found := post(t, s.console+"/api/v1/sites/shop/contacts:find", `{"identifier":"`+identifier+`"}`, headers)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("find: %d %s", resp.StatusCode, found)
	}
	var contact struct{ Contact string }
	if err := json.Unmarshal([]byte(found), &contact); err != nil {
		t.Fatal(err)
	}
	_, text := send(t, http.MethodGet, s.console+"/api/v1/sites/shop/contacts/"+contact.Contact+"/consents", "", headers)
	var history struct {
		Entries []struct{ Purpose, State string }
	}
	if err := json.Unmarshal([]byte(text), &history); err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, e := range history.Entries {
		all = append(all, strings.TrimSpace(e.State+" "+e.Purpose))
	}
	return strings.Join(all, ", ")
}

var linkInMail = regexp.MustCompile(`http://127\.0\.0\.1:8080(/consent/confirm\?t=[A-Za-z0-9_-]+)`)

// TestDoubleOptIn: a site's server asks, a real mail server gets the link, a real
// browser opens it and confirms; only then the consent counts, and the link works
// no more. The page is accessible, light and dark, on a phone and a desktop.
func TestDoubleOptIn(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", "")
	address := "jana.canary@person.example"
	s.asksToConfirm(t, `{"identifier":"email:`+address+`","purposes":["analytics","marketing"],"locale":"sk","surface":"newsletter"}`)
	got := post1.Wait(t, 1)[0]
	if got.To != address {
		t.Error("the mail went elsewhere")
	}
	found := linkInMail.FindStringSubmatch(got.Text(t))
	if found == nil {
		t.Fatal("the mail has no link")
	}
	link, want := found[1], "requested analytics, requested marketing"
	if states := s.states(t, "email:"+address); states != want {
		t.Errorf("before: %s", states)
	}

	b := browser.Start(t)
	opensLink(t, b, s.public+link, confirm.Path)
	if states := s.states(t, "email:"+address); states != want {
		t.Errorf("opening the link changed something: %s", states)
	}
	s.confirms(t, b)
	if states := s.states(t, "email:"+address); states != want+", given analytics, given marketing" {
		t.Errorf("after: %s", states)
	}
	s.linkIsUsed(t, b, link)
	if strings.Contains(s.log.String(), "canary") || strings.Contains(s.log.String(), link) {
		t.Error("the address or the link is in a log")
	}
	nothingOf(t, s.data, address, strings.TrimPrefix(link, "/consent/confirm?t="))
	s.provesByMail(t, b, post1, address)
}

// asksToConfirm asks for an opt-in as the site's server, after nobody else could.
func (s *stack) asksToConfirm(t *testing.T, body string) {
	t.Helper()
	optIn := s.console + "/api/v1/sites/shop/contacts:opt-in"
	secret := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	for name, headers := range map[string]map[string]string{
		"no key":       {"Content-Type": "application/json"},
		"a public key": {"Authorization": "Bearer pk_shop_12345678", "Content-Type": "application/json"},
	} {
		if resp, _ := post(t, optIn, body, headers); resp.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s: %d", name, resp.StatusCode)
		}
	}
	if resp, _ := post(t, s.console+"/api/v1/sites/demo/contacts:opt-in", body, secret); resp.StatusCode != http.StatusForbidden {
		t.Errorf("another site's contacts: %d", resp.StatusCode)
	}
	if resp, text := send(t, http.MethodGet, s.console+"/api/v1/sites/shop/renewals", "", secret); resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("another route: %d %s", resp.StatusCode, text)
	}
	if resp, text := post(t, optIn, body, secret); resp.StatusCode != http.StatusAccepted {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
}

// opensLink opens a link of a mail and looks at its page in every way.
func opensLink(t *testing.T, b *browser.Browser, address, path string) {
	t.Helper()
	b.Open(address)
	if at := browser.Eval[string](b, "location.pathname + location.search"); at != path {
		t.Errorf("the link stays in the address: %s", at)
	}
	for _, size := range [][2]int64{{390, 844}, {1280, 900}} {
		for _, dark := range []bool{false, true} {
			b.Look(size[0], size[1], dark)
			for _, v := range b.Axe() {
				t.Errorf("at %v, dark %v: %s (%s)", size, dark, v.ID, v.Impact)
			}
			if dir := os.Getenv("ZGODA_SCREENSHOTS"); dir != "" {
				b.Screenshot(filepath.Join(dir, fmt.Sprintf("%s-%d-%v.png", strings.ReplaceAll(path[1:], "/", "-"), size[0], dark)))
			}
		}
	}
}

// confirms presses the page's button and reads what it says then.
func (s *stack) confirms(t *testing.T, b *browser.Browser) {
	t.Helper()
	browser.Eval[bool](b, `(document.querySelector('button').click(), true)`)
	eventually(t, 20*time.Second, "the page after the confirmation", func() bool {
		for _, r := range b.Requests() {
			if strings.HasSuffix(r.URL, confirm.DonePath+"?l=sk") {
				return true
			}
		}
		return false
	})
	b.Open(s.public + confirm.DonePath + "?l=sk")
	if words := b.Text("h1"); words != "Ďakujeme" {
		t.Errorf("afterwards the page says %q", words)
	}
}

// linkIsUsed opens a link that was confirmed: it works no more.
func (s *stack) linkIsUsed(t *testing.T, b *browser.Browser, link string) {
	t.Helper()
	resp := open(t, s.public+link)
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != confirm.Path {
		t.Errorf("the used link: %d", resp.StatusCode)
	}
	for header, value := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if resp.Header.Get(header) != value {
			t.Errorf("%s: %q", header, resp.Header.Get(header))
		}
	}
	b.Open(s.public + link)
	if words := b.Text("h1"); words != "This link does not work" {
		t.Errorf("the used link's page says %q", words)
	}
}

// nothingOf looks for texts in every file of the control store.
func nothingOf(t *testing.T, data string, never ...string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "control", "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files of the control store", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range never {
			if strings.Contains(string(content), text) {
				t.Errorf("%s holds what must not be stored", filepath.Base(file))
			}
		}
	}
}

// open gets an address without following it.
func open(t *testing.T, address string) *http.Response {
	t.Helper()
	if _, err := url.Parse(address); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp
}

// TestOptOutBySignal: under the law of a US state, GPC of a known contact is
// recorded once, and binds the server's events when the signal is gone.
func TestOptOutBySignal(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "US-CA", "")
	file := "kind,identifier,purpose,version,state,time,channel,proof,country\n" +
		"user_id,jo,marketing,1,given,2026-01-31T12:00:00Z,paper,box,US\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--data", s.data, "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	track := func(gpc bool) string {
		headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
		if gpc {
			headers["Sec-GPC"] = "1"
		}
		resp, _ := post(t, s.public+"/v1/track", `{"userId":"jo","event":"x"}`, headers)
		return resp.Header.Get("X-Consent-Decision")
	}
	if got := track(false); !strings.Contains(got, "marketing=allow") {
		t.Fatalf("before: %q", got)
	}
	for range 5 {
		track(true)
	}
	eventually(t, 20*time.Second, "the opt-out", func() bool { return strings.Contains(s.states(t, "user_id:jo"), "opted_out") })
	eventually(t, 20*time.Second, "the opt-out to bind", func() bool { return strings.Contains(track(false), "marketing=deny; by=opt-out") })
	for range 5 {
		track(true)
	}
	if states := s.states(t, "user_id:jo"); strings.Count(states, "opted_out") != 1 {
		t.Errorf("entries: %s", states)
	}
	if m := s.metrics(t); m[`zgoda_optouts_total{outcome="recorded"}`] != 1 {
		t.Errorf("recorded: %v", m[`zgoda_optouts_total{outcome="recorded"}`])
	}
}
