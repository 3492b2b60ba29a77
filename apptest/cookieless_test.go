package apptest

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"

	"zgoda/pseudonym"
)

const cookielessSites = `
proxies: [127.0.0.1/32]
sites:
  - {id: counts, keys: {public: [pk_counts_1]}, cookieless: daily, %[1]s}
  - {id: other, keys: {public: [pk_other_1]}, cookieless: daily, %[1]s}
  - {id: plain, keys: {public: [pk_plain_1]}, %[1]s}
`

const cookielessSite = `origins: ["https://shop.example"], controller: {name: Shop s.r.o., establishment: SK}, purposes: [
    {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo},
    {id: analytics, kind: analytics, basis: legitimate_interest, terminal_access: none, retention: 13mo},
    {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}]`

// The browsers of the test. Neither may be found on any disk.
const (
	dayAddress = "203.0.113.77"
	dayAgent   = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0 Daybreak"
)

// dayEvent is one event of a browser that sends no id.
type dayEvent struct {
	name, key, address, agent string
	headers                   map[string]string
}

func (e dayEvent) send(t *testing.T, s *stack) {
	t.Helper()
	headers := map[string]string{"Origin": "https://shop.example", "X-Forwarded-For": e.address, "User-Agent": e.agent}
	maps.Copy(headers, e.headers)
	answer, body := post(t, s.public+"/e", fmt.Sprintf(`{"key":%q,"events":[{"type":"track","name":%q}]}`, e.key, e.name), headers)
	if answer.StatusCode != http.StatusNoContent {
		t.Fatalf("%s: %s %s", e.name, answer.Status, body)
	}
}

// TestCookieless: who sends no id is one subject through a day, of one site; nobody
// where the site has it off or the browser refuses; and the key of the day, the
// address and the agent are on no disk.
func TestCookieless(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "zgoda.yaml")
	if err := os.WriteFile(path, fmt.Appendf(nil, cookielessSites, cookielessSite), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--config", path)
	eventually(t, 10*time.Second, "a key of the day", func() bool { return s.metrics(t)["zgoda_daily_key_held"] == 1 })
	refusal := map[string]string{"Cookie": refusing(t, s, "pk_counts_1")}
	for _, e := range []dayEvent{
		{"first", "pk_counts_1", dayAddress, dayAgent, nil},
		{"again", "pk_counts_1", dayAddress, dayAgent, nil},
		{"another agent", "pk_counts_1", dayAddress, "curl/8", nil},
		{"another address", "pk_counts_1", "203.0.113.78", dayAgent, nil},
		{"another site", "pk_other_1", dayAddress, dayAgent, nil},
		{"off", "pk_plain_1", dayAddress, dayAgent, nil},
		{"by DNT", "pk_counts_1", dayAddress, dayAgent, map[string]string{"DNT": "1"}},
		{"by GPC", "pk_counts_1", dayAddress, dayAgent, map[string]string{"Sec-GPC": "1"}},
		{"in the dialogue", "pk_counts_1", dayAddress, dayAgent, refusal},
	} {
		e.send(t, s)
	}
	eventually(t, 20*time.Second, "all rows", func() bool { return s.sql(t, "SELECT count() FROM events WHERE site != 'demo'") == "9" })

	subjects := map[string]string{}
	for _, row := range s.rows(t, "SELECT name, toString(scope), hex(subject), bitTest(flags, 1), hex(visitor), key_version - toUInt32(toDate(received_at)) FROM events") {
		name, scope, subject := row[0], row[1], row[2]
		subjects[name] = subject
		none := name == "off" || name == "by DNT" || name == "by GPC" || name == "in the dialogue"
		if none != (scope == "none") || none == (row[3] == "1") || row[4] != fmt.Sprintf("%032d", 0) || !none && (scope != "period" || row[5] != "0") {
			t.Errorf("%s: %v", name, row)
		}
	}
	if subjects["first"] != subjects["again"] {
		t.Error("one browser is two subjects within the day")
	}
	for _, other := range []string{"another agent", "another address", "another site"} {
		if subjects[other] == subjects["first"] {
			t.Errorf("%s is the same subject", other)
		}
	}
	if got := s.sql(t, "SELECT uniqExact(subject) FROM events WHERE site = 'counts' AND bitTest(flags, 1) GROUP BY toDate(received_at)"); got != "3" {
		t.Errorf("%s visitors of the day", got)
	}
	dayIsNowhere(t, s)
}

// refusing refuses analytics in the dialogue, and returns the cookie of the choice.
func refusing(t *testing.T, s *stack, key string) string {
	t.Helper()
	answer, body := post(t, s.public+"/consent", fmt.Sprintf(`{"key":%q,"choices":{"analytics":false,"profiling":false}}`, key),
		map[string]string{"Origin": "https://shop.example", "X-Forwarded-For": dayAddress, "User-Agent": dayAgent})
	for _, c := range answer.Cookies() {
		if c.Name == "__Host-zgoda_consent" {
			return c.Name + "=" + c.Value
		}
	}
	t.Fatalf("no cookie of the choice: %s %s", answer.Status, body)
	return ""
}

// dayIsNowhere looks for the key of the day and for what was hashed under it in
// every file, while all run and when they have ended.
func dayIsNowhere(t *testing.T, s *stack) {
	t.Helper()
	client, err := pseudonym.Dial(pseudonym.ClientConfig{Socket: filepath.Join(s.data, "run", "keyholder.sock")})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	key, err := client.Day(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	never := map[string][]byte{"key of the day": key.Bytes.Reveal(), "address": []byte(dayAddress), "agent": []byte("Daybreak")}
	if err := client.Close(); err != nil {
		t.Error(err)
	}
	look := func() {
		files := 0
		_ = filepath.WalkDir(s.data, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.Type().IsRegular() {
				return nil //nolint:nilerr // parts come and go while the engine runs
			}
			text, err := os.ReadFile(path)
			if err != nil {
				return nil //nolint:nilerr // removed since it was listed
			}
			files++
			for what, secret := range never {
				if bytes.Contains(text, secret) {
					t.Errorf("the %s is in %s", what, path[len(s.data):])
				}
			}
			return nil
		})
		if files < 15 {
			t.Errorf("only %d files under the data folder", files)
		}
	}
	look()
	s.stop(t)
	look()
	for what, secret := range never {
		if bytes.Contains([]byte(s.log.String()), secret) {
			t.Errorf("the %s is in the log", what)
		}
	}
}
