package apptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// adpcPolicy is a site whose analytics asks when ADPC withdraws it, and whose
// profiling is refused by it.
const adpcPolicy = `
sites:
  - id: shop
    keys: {public: [pk_shop_12345678]}
    origins: ["https://shop.example"]
    controller: {name: Shop s.r.o., establishment: SK}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}
    signals: {adpc: {analytics: ask}}
`

// shopper is a browser at that shop: it keeps the cookies that it is given.
type shopper struct {
	s       *stack
	cookies map[string]string
}

func (b *shopper) post(t *testing.T, path, body, adpc string) (*http.Response, string) {
	t.Helper()
	headers := map[string]string{"Origin": "https://shop.example", "Sec-Fetch-Site": "same-site"}
	if adpc != "" {
		headers["ADPC"] = adpc
	}
	var cookies []string
	for name, value := range b.cookies {
		cookies = append(cookies, name+"="+value)
	}
	if len(cookies) > 0 {
		headers["Cookie"] = strings.Join(cookies, "; ")
	}
	resp, text := post(t, b.s.public+path, body, headers)
	for _, c := range resp.Cookies() {
		b.cookies[c.Name] = c.Value
	}
	return resp, text
}

// choose agrees to everything in the dialogue.
func (b *shopper) choose(t *testing.T, version, adpc string) {
	t.Helper()
	resp, text := b.post(t, "/consent", `{"key":"pk_shop_12345678","version":"`+version+`","choices":{"analytics":true,"profiling":true},"locale":"en","surface":"dialogue"}`, adpc)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, fmt.Sprintf(`"adpc":%v`, adpc != "")) {
		t.Fatalf("choose: %d %s", resp.StatusCode, text)
	}
}

// send sends an event.
func (b *shopper) send(t *testing.T, name, adpc string) {
	t.Helper()
	resp, text := b.post(t, "/e", `{"key":"pk_shop_12345678","events":[{"type":"track","name":"`+name+`"}]}`, adpc)
	if resp.StatusCode != http.StatusNoContent {
		t.Fatalf("track: %d %s", resp.StatusCode, text)
	}
}

// TestADPCAsks: a grant that was given in the dialogue while ADPC withdrew the
// purpose beats ADPC where the site lets it ask, and nothing else does; the ledger
// says so, and its export verifies.
func TestADPCAsks(t *testing.T) {
	file := filepath.Join(t.TempDir(), "zgoda.yaml")
	if err := os.WriteFile(file, []byte(adpcPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", file)
	version := versionOf(t, s)
	const withdrawn = "withdraw=*"

	beside := &shopper{s, map[string]string{}}
	beside.choose(t, version, withdrawn)
	beside.send(t, "agreed beside it", withdrawn)
	before := &shopper{s, map[string]string{}}
	before.choose(t, version, "")
	before.send(t, "agreed before it", withdrawn)
	before.send(t, "agreed without it", "")
	before.choose(t, version, withdrawn)
	before.send(t, "agreed again, beside it", withdrawn)
	before.send(t, "by their names", `withdraw="analytics.v1 profiling.v1"`)
	s.settled(t, 30*time.Second)

	for name, scope := range map[string]string{
		"agreed beside it": "period", "agreed before it": "none", "agreed without it": "person", // profiling too
		"agreed again, beside it": "period", "by their names": "period",
	} {
		rows := s.rows(t, "SELECT scope FROM events WHERE name = '"+name+"'")
		if len(rows) != 1 || rows[0][0] != scope {
			t.Errorf("%s: stored as %v, want %s", name, rows, scope)
		}
	}

	export, errs, code := s.zgoda(t, "", "ledger", "export", "--data", s.data)
	if code != 0 {
		t.Fatalf("export: %s", errs)
	}
	if n := strings.Count(export, `"adpc":true`); n != 4 {
		t.Errorf("%d entries say that ADPC was there", n)
	}
	if out, errs, code := s.zgoda(t, export, "ledger", "verify", "-"); code != 0 {
		t.Errorf("verify: %s%s", out, errs)
	}
	if _, _, code := s.zgoda(t, strings.Replace(export, `"adpc":true,`, "", 1), "ledger", "verify", "-"); code == 0 {
		t.Error("an export without one of the marks verifies")
	}
}

// versionOf returns the version of the texts that POST /consent must name.
func versionOf(t *testing.T, s *stack) string {
	t.Helper()
	text := get(t, s.public+"/consent?key=pk_shop_12345678")
	_, rest, _ := strings.Cut(text, `"version":`)
	version, _, ok := strings.Cut(rest, ",")
	if !ok {
		t.Fatalf("no version in %s", text)
	}
	return version
}
