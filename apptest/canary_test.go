package apptest

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/telemetry/catalogue"
)

// canaries are raw identifiers planted in events; none may be found anywhere
// but in the keyholder's sealed store (where they are sealed).
var canaries = map[string]string{
	"mail":              "canary.jana@mail.example",
	"mail in a URL":     "canary-link@mail.example",
	"mail in a URL (%)": "canary-link%40mail.example",
	"mail in a text":    "canary-text@mail.example",
	"user id":           "canary-user-7781",
	"cookie id":         "canary-cookie-1f6e0d",
	"group id":          "canary-group-5512",
	"address":           "203.0.113.77",
	"other address":     "2001:db8::ca:77",
	"user agent":        "CanaryBrowser/7.7 (Canary OS 9.9)",
	"phone":             "+48600700881",
	"card":              "4111111111111111",
}

// TestI1RawDiesFirst plants identifiers in every field that can carry one, on
// every route, with and without consent, and looks for them in the files under
// the data folder, in the logs, in the metrics of both processes, in every column of ClickHouse and in
// its part files.
func TestI1RawDiesFirst(t *testing.T) {
	config, secret := controllerSite(t)
	keyholder := freeAddress(t)
	also(t, config, fmt.Sprintf("keyholder: {metrics: %q}\n", keyholder))
	s := up(t, "--config", config)
	for _, route := range []string{"/v1/track", "/v1/t", "/v1/page", "/v1/screen", "/v1/identify", "/v1/group", "/v1/alias"} {
		for _, consent := range []string{`{"analytics":true,"profiling":true}`, `{"analytics":true,"profiling":false}`, `{}`} {
			body := canaryEvent(route+consent, consent)
			headers := map[string]string{
				"Authorization":   "Bearer " + secret,
				"User-Agent":      canaries["user agent"],
				"X-Forwarded-For": canaries["address"],
				"Referer":         "https://shop.example/?mail=" + canaries["mail in a URL (%)"],
			}
			if resp, text := post(t, s.public+route, body, headers); resp.StatusCode != http.StatusOK {
				t.Fatalf("%s: %d %s", route, resp.StatusCode, text)
			}
		}
	}
	plantByOtherWays(t, s)
	s.settled(t, 30*time.Second)

	if n := s.rows(t, "SELECT count() FROM events WHERE scope = 'person'")[0][0]; n == "0" {
		t.Fatal("no row of scope person was stored: the canaries were not planted where it matters")
	}
	for _, row := range s.rows(t, "SELECT database || '.' || name FROM system.tables WHERE database NOT IN ('INFORMATION_SCHEMA','information_schema') AND engine NOT LIKE 'System%'") {
		search(t, "table "+row[0], []byte(s.sql(t, "SELECT * FROM "+row[0])))
	}
	for process, address := range map[catalogue.Process]string{catalogue.Gateway: s.ops, catalogue.Keyholder: "http://" + keyholder} {
		search(t, "the metrics of the "+string(process), []byte(openMetrics(t, address)))
		toldBy(t, address).agree(t, process)
	}
	noCoreDumps(t, s)
	searchFiles(t, s) // while running: write-ahead logs, open segments
	s.stop(t)
	searchFiles(t, s) // and after
	search(t, "the logs", []byte(s.log.String()))
}

// also adds to a file.
func also(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = file.WriteString(text)
	if err = errors.Join(err, file.Close()); err != nil {
		t.Fatal(err)
	}
}

// controllerSite writes the configuration of a site with a secret key, behind a
// proxy on loopback.
func controllerSite(t *testing.T) (config, secret string) {
	t.Helper()
	dir := t.TempDir()
	secret = "secret-of-the-shop-" + rand.Text()
	if err := os.WriteFile(filepath.Join(dir, "shop.secret"), []byte(secret+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	config = filepath.Join(dir, "zgoda.yaml")
	text := `sites:
  - id: shop
    keys: {public: [pk_shop_public], secret_file: shop.secret}
    origins: [https://shop.example]
    controller: {name: Shop s.r.o., address: "Hlavna 1, Bratislava", establishment: SK, contact: dpo@shop.example}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, balancing_test: "LIA 1", terminal_access: none, retention: 25mo, text: {en: "Counting visits"}}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "Understanding visits"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Profiling"}}
    properties: {keep: [sku, price, currency, category]}
    query: {keep: [utm_source, utm_medium, utm_campaign]}
proxies: [127.0.0.1/32]
`
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return config, secret
}

func canaryEvent(id, consent string) string {
	return fmt.Sprintf(`{"userId":%q,"anonymousId":%q,"previousId":%q,"groupId":%q,"messageId":%q,
		"event":"Order by %s","name":"Call %s","type":"track",
		"traits":{"email":%q,"phone":%q,"name":"Jana Canary","nested":{"mail":%q}},
		"context":{"ip":%q,"userAgent":%q,"consent":{"categoryPreferences":%s},
			"campaign":{"name":"to %s","source":%q},"device":{"id":"canary-device","advertisingId":%q},
			"page":{"url":"https://shop.example/u/%s/orders?mail=%s&utm_source=%s","path":"/u/%s/orders","title":"Hello %s","referrer":"https://other.example/?m=%s"}},
		"properties":{"sku":"LAMP-7","note":"mail me at %s","card":%q,"address":%q,"inner":{"list":["call %s",%q]},%q:"as a key"}}`,
		canaries["user id"], canaries["cookie id"], canaries["cookie id"], canaries["group id"],
		"id-"+fmt.Sprintf("%x", sha256.Sum256([]byte(id)))[:40],
		canaries["mail in a text"], canaries["phone"],
		canaries["mail"], canaries["phone"], canaries["mail"],
		canaries["address"], canaries["user agent"], consent,
		canaries["mail in a text"], canaries["mail in a text"], canaries["cookie id"],
		canaries["mail in a URL (%)"], canaries["mail in a URL (%)"], canaries["mail in a URL (%)"], canaries["mail in a URL"],
		canaries["mail in a text"], canaries["mail in a URL (%)"],
		canaries["mail in a text"], canaries["card"], canaries["other address"], canaries["phone"], canaries["mail"], canaries["mail in a text"])
}

// plantByOtherWays plants through refused requests, a message id, the pixel,
// the snippet's route, the console and the command line.
func plantByOtherWays(t *testing.T, s *stack) {
	t.Helper()
	mail := canaries["mail"]
	post(t, s.public+"/v1/track", `{"userId":"`+mail+`","event":`, secretKey)
	post(t, s.public+"/v1/track", `{"userId":"u","event":"x","timestamp":"`+mail+`"}`, secretKey)
	post(t, s.public+"/v1/track?writeKey="+mail, `{"userId":"u","event":"x"}`, nil)
	post(t, s.public+"/v1/"+mail, `{}`, secretKey)
	post(t, s.public+"/v1/track", `{"userId":"u","event":"by id","messageId":"`+mail+`"}`, secretKey)
	get(t, s.public+"/p.gif?k=demo-key&t=page&n=open&u=https%3A%2F%2Fshop.example%2F%3Fm%3D"+canaries["mail in a URL (%)"]+"&m="+mail)
	post(t, s.public+"/e", `{"key":"demo-key","consent":{"profiling":true},"events":[{"type":"track","name":"`+mail+`","userId":"`+canaries["user id"]+`"}]}`,
		map[string]string{"Origin": s.public, "Content-Type": "text/plain"})
	post(t, s.public+"/consent", `{"key":"demo-key","choices":{"profiling":true},"locale":"`+mail+`","surface":"`+mail+`"}`, map[string]string{"Origin": s.public})
	for _, args := range [][]string{
		{"contact", "profiling", "off", "--site", "demo", "--identifier", "email:" + mail, "--reason", "asked by " + canaries["phone"]},
		{"contact", "show", "--site", "demo", "--identifier", "email:" + mail},
		{"contact", "profiling", "off", "--site", "demo", "--identifier", "nonsense:" + mail, "--reason", "r"},
	} {
		s.zgoda(t, "", append(args, "--data", s.data)...)
	}
	post(t, s.console+"/api/v1/sites/demo/contacts:find", `{"identifier":"email:`+mail+`"}`, map[string]string{"Authorization": "Bearer " + mail})
}

func search(t *testing.T, where string, text []byte) {
	t.Helper()
	for what, canary := range canaries {
		if bytes.Contains(text, []byte(canary)) {
			i := bytes.Index(text, []byte(canary))
			t.Errorf("I1 broken: the %s is in %s: ...%q...", what, where, text[max(0, i-60):min(len(text), i+len(canary)+20)])
		}
	}
}

// searchFiles looks into every file under the data folder; the keyholder's is
// looked into as well, for identifiers are never there in clear either.
func searchFiles(t *testing.T, s *stack) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil //nolint:nilerr // parts come and go while the engine runs
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return nil //nolint:nilerr // removed since it was listed
		}
		files++
		search(t, strings.TrimPrefix(path, s.data), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files < 15 {
		t.Fatalf("only %d files under the data folder", files)
	}
}

// noCoreDumps checks that no process of the stack can leave its memory on disk.
func noCoreDumps(t *testing.T, s *stack) {
	t.Helper()
	for name, pid := range map[string]int{"zgoda": s.cmd.Process.Pid, "zgoda-keyholder": s.child("zgoda-keyholder"), "zgoda-clickhouse": s.child("zgoda-clickhouse")} {
		limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(limits)) {
			if f := strings.Fields(strings.TrimPrefix(line, "Max core file size")); strings.HasPrefix(line, "Max core file size") && (f[0] != "0" || f[1] != "0") {
				t.Errorf("%s may dump core: %q", name, line)
			}
		}
	}
}
