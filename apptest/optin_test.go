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
	optIn := s.console + "/api/v1/sites/shop/contacts:opt-in"
	body := `{"identifier":"email:` + address + `","purposes":["analytics","marketing"],"locale":"sk","surface":"newsletter"}`
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
	got := post1.Wait(t, 1)[0]
	if got.To != address {
		t.Error("the mail went elsewhere")
	}
	found := linkInMail.FindStringSubmatch(got.Text(t))
	if found == nil {
		t.Fatal("the mail has no link")
	}
	want := "requested analytics, requested marketing"
	if states := s.states(t, "email:"+address); states != want {
		t.Errorf("before: %s", states)
	}

	b := browser.Start(t)
	b.Open(s.public + found[1])
	if at := browser.Eval[string](b, "location.pathname + location.search"); at != confirm.Path {
		t.Errorf("the link stays in the address: %s", at)
	}
	for _, size := range [][2]int64{{390, 844}, {1280, 900}} {
		for _, dark := range []bool{false, true} {
			b.Look(size[0], size[1], dark)
			for _, v := range b.Axe() {
				t.Errorf("at %v, dark %v: %s (%s)", size, dark, v.ID, v.Impact)
			}
			if dir := os.Getenv("ZGODA_SCREENSHOTS"); dir != "" {
				b.Screenshot(filepath.Join(dir, fmt.Sprintf("confirm-%d-%v.png", size[0], dark)))
			}
		}
	}
	if states := s.states(t, "email:"+address); states != want {
		t.Errorf("opening the link changed something: %s", states)
	}
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
	if states := s.states(t, "email:"+address); states != want+", given analytics, given marketing" {
		t.Errorf("after: %s", states)
	}

	resp := open(t, s.public+found[1])
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != confirm.Path {
		t.Errorf("the used link: %d", resp.StatusCode)
	}
	for header, value := range map[string]string{"Referrer-Policy": "no-referrer", "Cache-Control": "no-store"} {
		if resp.Header.Get(header) != value {
			t.Errorf("%s: %q", header, resp.Header.Get(header))
		}
	}
	b.Open(s.public + found[1])
	if words := b.Text("h1"); words != "This link does not work" {
		t.Errorf("the used link's page says %q", words)
	}
	if strings.Contains(s.log.String(), "canary") || strings.Contains(s.log.String(), found[1]) {
		t.Error("the address or the link is in a log")
	}
	nothingOf(t, s.data, address, strings.TrimPrefix(found[1], "/consent/confirm?t="))
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

// TestImportOfConsents: ten thousand rows by the command, bad ones kept aside,
// and the same file again adds nothing.
func TestImportOfConsents(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", "")
	const rows, every = 10_000, 100
	var file strings.Builder
	file.WriteString("kind,identifier,purpose,version,state,time,channel,proof\n")
	for i := range rows {
		purpose := "analytics"
		if i%every == every-1 {
			purpose = "canary-purpose"
		}
		fmt.Fprintf(&file, "email,canary%d@person.example,%s,1,given,2026-01-31T12:00:00Z,paper,box %d\n", i, purpose, i/500)
	}
	path := filepath.Join(t.TempDir(), "consents.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	out, errs, code := s.zgoda(t, "", "contact", "import", "--data", s.data, "--site", "shop", path)
	took := time.Since(start)
	if code != 1 || !strings.Contains(out, "10000 rows read, 9900 in the ledger, 100 left out") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	t.Logf("%d rows in %v: %.0f a second", rows, took.Round(time.Millisecond), rows/took.Seconds())
	bad, err := os.ReadFile(path + ".bad.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(bad)), "\n")
	if len(lines) != 101 || lines[0] != "line,field,reason" || !strings.HasPrefix(lines[1], "101,purpose,") || strings.Contains(string(bad), "canary") {
		t.Errorf("bad rows: %d lines, the first %q", len(lines), lines[min(1, len(lines)-1)])
	}
	if states := s.states(t, "email:canary7@person.example"); states != "given analytics" {
		t.Errorf("on record: %s", states)
	}
	if _, _, code := s.zgoda(t, "", "contact", "withdraw", "--data", s.data, "--site", "shop", "--identifier", "email:canary7@person.example", "--purpose", "analytics"); code != 0 {
		t.Fatal("withdraw failed")
	}
	if out, errs, code := s.zgoda(t, "", "contact", "import", "--data", s.data, "--site", "shop", path); code != 1 || !strings.Contains(out, "9900 in the ledger") {
		t.Fatalf("again: exit %d: %s%s", code, out, errs)
	}
	if states := s.states(t, "email:canary7@person.example"); states != "given analytics, withdrawn analytics" {
		t.Errorf("the same file again: %s", states)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("a row is in a log")
	}
}

// TestGrantsExpire: a grant with an end in the past does not count, is noted as
// expired at the next start, is listed to be asked again, and is renewed when it
// is given again.
func TestGrantsExpire(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", ", renew_after: 12mo")
	file := "kind,identifier,purpose,version,state,time,channel,proof,until,country\n" +
		"user_id,old,analytics,1,given,2020-01-31T12:00:00Z,paper,box,,SK\n" +
		"user_id,new,analytics,1,given," + time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339) + ",paper,box,,SK\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--data", s.data, "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	for user, want := range map[string]string{"old": "analytics=deny", "new": "analytics=allow; by=ledger"} {
		resp, text := post(t, s.public+"/v1/track", `{"userId":"`+user+`","event":"x"}`, headers)
		if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, want) {
			t.Errorf("%s: %q %s", user, got, text)
		}
	}
	s.stop(t)
	s.start(t, host(t, s.public))
	eventually(t, 20*time.Second, "the expired entry", func() bool {
		return s.states(t, "user_id:old") == "located, given analytics, expired analytics"
	})
	_, list := send(t, http.MethodGet, s.console+"/api/v1/sites/shop/renewals?days=10", "", s.local(t))
	if strings.Count(list, "\n") != 1 || !strings.Contains(list, `"expired":true`) {
		t.Errorf("to be asked again: %s", list)
	}
	if _, _, code := s.zgoda(t, "", "contact", "grant", "--data", s.data, "--site", "shop", "--identifier", "user_id:old", "--purpose", "analytics"); code != 0 {
		t.Fatal("grant failed")
	}
	if states := s.states(t, "user_id:old"); states != "located, given analytics, expired analytics, renewed analytics" {
		t.Errorf("given again: %s", states)
	}
	resp, _ := post(t, s.public+"/v1/track", `{"userId":"old","event":"x"}`, headers)
	if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, "analytics=allow; by=ledger") {
		t.Errorf("given again: %q", got)
	}
	_, list = send(t, http.MethodGet, s.console+"/api/v1/sites/shop/renewals?days=10", "", s.local(t))
	if list != "" {
		t.Errorf("to be asked again: %s", list)
	}
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

// TestANewVersionAsksAgain: a grant of an older version of a purpose does not
// count, and one of the new version does.
func TestANewVersionAsksAgain(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", ", version: 2")
	file := "kind,identifier,purpose,version,text_hash,state,time,channel,proof,country\n" +
		"user_id,v1,analytics,1," + strings.Repeat("ab", 32) + ",given,2026-01-31T12:00:00Z,paper,box,SK\n" +
		"user_id,v2,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,SK\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--data", s.data, "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	for user, want := range map[string]string{"v1": "analytics=deny", "v2": "analytics=allow; by=ledger"} {
		resp, _ := post(t, s.public+"/v1/track", `{"userId":"`+user+`","event":"x"}`, headers)
		if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, want) {
			t.Errorf("%s: %q", user, got)
		}
	}
}
