package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/engine/enginetest"
)

// wholeSite is a site that counts by the key of the day too, and whose ledger has a
// place outside.
const wholeSite = `
ledger: {name: shop.example/zgoda, checkpoint_entries: 1, anchors: {file: %q}}
rights: {gather: 1s}
sites:
  - id: demo
    keys: {public: [pk_whole_1], secret_file: whole.secret}
    origins: ["https://shop.example"]
    cookieless: daily
    controller: {name: Shop s.r.o., establishment: SK}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: legitimate_interest, terminal_access: none, retention: 13mo}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}
`

// wholeSecret is the site's secret key.
const wholeSecret = "what the shop's server knows"

// whole is a system with everything that metrics tell of: two gateways with a
// PostgreSQL between them, one of which reaches the keyholder by certificates.
type whole struct {
	a, b           *stack
	metrics, admin string // of the keyholder: an address and a socket
}

func startWhole(t *testing.T) *whole {
	t.Helper()
	access, server, data := enginetest.Start(t), pgtest.Start(t), t.TempDir()
	w := &whole{admin: filepath.Join(data, "private", "admin.sock")}
	socket, control := filepath.Join(data, "private", "keyholder.sock"), server.Database(t)
	keyholder := background(t, filepath.Join(bin, "zgoda-keyholder"), "--data", filepath.Join(data, "keyholder"), "--socket", socket,
		"--listen", "127.0.0.1:0", "--metrics", "127.0.0.1:0")
	ready := regexp.MustCompile(`ready socket=\S+ listen=(\S+) metrics=(\S+)`)
	eventually(t, 15*time.Second, "the keyholder's ready line", func() bool { return ready.MatchString(keyholder.String()) })
	found := ready.FindStringSubmatch(keyholder.String())
	w.metrics = host(t, found[2])
	if err := os.WriteFile(filepath.Join(data, "whole.secret"), []byte(wholeSecret), 0o600); err != nil {
		t.Fatal(err)
	}
	tls := fmt.Sprintf("keyholder: {address: %q", found[1])
	for setting, role := range map[string]string{"certificate": "pseudonymise", "rights_certificate": "rights"} {
		path := filepath.Join(data, role+".pem")
		if out, errs, code := (&stack{}).zgoda(t, "", "keys", "issue", role, "gate-a", "--out", path, "--socket", w.admin); code != 0 {
			t.Fatalf("keys issue: %s%s", out, errs)
		}
		tls += ", " + setting + ": " + role + ".pem"
	}
	for i, keyholder := range []string{tls + "}\n", ""} {
		name := string(rune('a' + i))
		text := fmt.Sprintf("control: %q\nnode: gate-%s\n%s"+wholeSite, control, name, keyholder, filepath.Join(data, "anchors-"+name))
		path := filepath.Join(data, name+".yaml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		s := &stack{data: filepath.Join(data, name), log: &logFile{}}
		s.command = []string{
			"serve", "--config", path, "--data", s.data, "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
			"--clickhouse", fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address),
		}
		if i == 1 {
			s.command = append(s.command, "--keyholder", socket)
		}
		s.run(t)
		*[]**stack{&w.a, &w.b}[i] = s
	}
	return w
}

// happens makes everything happen that a panel may wait for: changes of mind at both
// gateways, events that are dropped, an erasure, a request that is overdue, and the
// rotation of a key, which waits because no gateway looks after the keys.
func (w *whole) happens(t *testing.T) {
	t.Helper()
	for i, s := range []*stack{w.a, w.b} {
		startLoad(t, host(t, s.public), mix{clients: 2, pause: 20 * time.Millisecond, first: 100 * i, secret: wholeSecret})
	}
	do := func(args ...string) {
		t.Helper()
		if out, errs, code := w.a.zgoda(t, "", args...); code != 0 {
			t.Fatalf("%s: %s%s", strings.Join(args, " "), out, errs)
		}
	}
	contact := w.a.contact(t, "user_id:whole")
	for n := range 10 {
		for _, s := range []*stack{w.a, w.b} {
			s.choose(t, contact, n%2 == 0)
		}
	}
	eventually(t, 30*time.Second, "rows of everybody in ClickHouse", func() bool {
		return w.a.metrics(t)["zgoda_writer_rows_total"] > 1000
	})
	// Whoever is forgotten goes on sending: what waits is dropped, what comes is too.
	for n := 0; w.a.droppedLater(t) == 0 && n < 20; n++ {
		do("forget", "--site", "demo", "--identifier", fmt.Sprint("user_id:load-user-0-", n), "--reason", "letter 7", "--wait")
	}
	w.a.overdue(t, "demo", "user_id:load-user-0-30")
	do("keys", "rotate", "purpose-profiling", "--detach", "--socket", w.admin)
}

// droppedLater is how many events were accepted and then not stored.
func (s *stack) droppedLater(t *testing.T) (n float64) {
	t.Helper()
	for name, v := range s.metrics(t) {
		if strings.HasPrefix(name, "zgoda_events_dropped_later_total{") {
			n += v
		}
	}
	return n
}

// overdue opens a request about somebody known that came 45 days ago and that people
// work on, and returns its name.
func (s *stack) overdue(t *testing.T, site, identifier string) string {
	t.Helper()
	out, errs, code := s.zgoda(t, "", "requests", "open", "--site", site, "--right", "rectification", "--identifier", identifier,
		"--received", time.Now().AddDate(0, 0, -45).UTC().Format(time.RFC3339), "--reason", "letter 3")
	if code != 0 || !strings.HasPrefix(out, "r_") {
		t.Fatalf("requests open: %s%s", out, errs)
	}
	return strings.Fields(out)[0]
}
