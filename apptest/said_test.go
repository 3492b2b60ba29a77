package apptest

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/engine/enginetest"
)

// traitsOf are somebody's own: who shares a mail address is one contact.
func traitsOf(n int) string {
	return fmt.Sprintf(`{"email":"secret-mail-9b1c-%d@example.org","phone":"+421 905 777 88%d","name":"secret-name-9b1c","plan":"secret-source-9b1c"}`, n, n)
}

// saidOf is an identify with traits that nobody may find in clear.
func saidOf(user, traits, more string) string {
	return fmt.Sprintf(`{"userId":%q,"anonymousId":"browser-of-%s","messageId":"said-%s-%d","traits":%s%s,"context":{"library":{"name":"analytics-node","version":"2.1.0"},"consent":{"categoryPreferences":{"analytics":true,"profiling":true}}}}`,
		user, user, user, time.Now().UnixNano(), traits, more)
}

// serveShop starts a gateway for a site with a secret, on a keyholder of the test's own.
func serveShop(t *testing.T, k *ownKeyholder) (s *stack, server, page map[string]string, secret string) {
	t.Helper()
	access := enginetest.Start(t)
	config, secret := controllerSite(t)
	s = &stack{data: filepath.Join(t.TempDir(), "gateway"), log: &logFile{}}
	s.command = []string{
		"serve", "--config", config, "--data", s.data, "--keyholder", k.socket,
		"--clickhouse", fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address),
		"--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}
	s.run(t)
	server = map[string]string{"Authorization": "Bearer " + secret}
	page = map[string]string{"Authorization": "Bearer pk_shop_public", "Origin": "https://shop.example", "Content-Type": "text/plain"}
	return s, server, page, secret
}

// dataOf tells what is kept of a user, nothing where there is no such contact, and
// where it is from.
func (s *stack) dataOf(t *testing.T, user string) (values map[string]string, sources string) {
	t.Helper()
	out, errs, code := s.zgoda(t, "", "contact", "data", "show", "--site", "shop", "--identifier", "user_id:"+user, "--reason", "request 12", "--json")
	values = map[string]string{}
	if code != 0 {
		if !strings.Contains(errs, "no contact") {
			t.Fatal(errs)
		}
		return values, ""
	}
	var k kept
	if err := json.Unmarshal([]byte(out), &k); err != nil {
		t.Fatal(err)
	}
	for _, d := range k.Data {
		values[d.Kind+d.Name] = d.Value
		sources += d.Source + "/" + d.Basis + "\n"
	}
	return values, sources
}

// saidInClear looks for what was said in every file of gateway and keyholder, and in
// what they printed.
func saidInClear(t *testing.T, s *stack, k *ownKeyholder) {
	t.Helper()
	look := func(where string, content []byte) {
		lower := bytes.ToLower(content)
		for _, secret := range secrets {
			if bytes.Contains(lower, []byte(secret)) {
				t.Errorf("%s has %s in it", where, secret)
			}
		}
	}
	files := 0
	for _, dir := range []string{s.data, k.data} {
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() {
				return nil //nolint:nilerr // a file that a running process has just removed
			}
			if content, err := os.ReadFile(path); err == nil {
				files++
				look(path, content)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if files < 10 {
		t.Fatalf("only %d files", files)
	}
	look("what was printed", []byte(s.log.String()+k.log.String()))
}

// sayings are a shop, and who says something of contacts to it.
type sayings struct {
	s            *stack
	k            *ownKeyholder
	server, page map[string]string // headers
	secret       string
}

func (x *sayings) send(t *testing.T, body string, headers map[string]string) string {
	t.Helper()
	resp, text := post(t, x.s.public+"/v1/identify", body, headers)
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	return resp.Header.Get("X-Consent-Decision")
}

// arrived waits until nothing is on its way to the vault, and tells what is kept of a user.
func (x *sayings) arrived(t *testing.T, what, user string, want int) (kept map[string]string, sources string) {
	t.Helper()
	eventually(t, 30*time.Second, what, func() bool {
		m := x.s.metrics(t)
		balance(t, m)
		return m["zgoda_said_waiting_records"] == 0 && m["zgoda_later_waiting_records"] == 0
	})
	if kept, sources = x.s.dataOf(t, user); len(kept) != want { // reveals are limited, so it is asked once
		t.Fatalf("%s: %d data are kept", what, len(kept))
	}
	return kept, sources
}

// byServer: mail and phone lead to the contact, name is a trait, plan is not kept.
func (x *sayings) byServer(t *testing.T) {
	t.Helper()
	x.send(t, saidOf("secret-user-9b1c-1", traitsOf(1), ""), x.server)
	kept, sources := x.arrived(t, "what a server said", "secret-user-9b1c-1", 4)
	if kept["email"] != "secret-mail-9b1c-1@example.org" || kept["phone"] != "+421 905 777 881" || kept["name"] != "secret-name-9b1c" || kept["user_id"] != "secret-user-9b1c-1" {
		t.Errorf("%d data are kept, of other values", len(kept))
	}
	if !strings.Contains(sources, "event: shop, identify, analytics-node 2.1.0/profiling\n") {
		t.Error(sources)
	}
}

// byPage: with a proof it is the same, but mail and phone are traits.
func (x *sayings) byPage(t *testing.T) {
	t.Helper()
	mac := hmac.New(sha256.New, []byte(x.secret))
	mac.Write([]byte("secret-user-9b1c-2"))
	x.send(t, strings.Replace(saidOf("secret-user-9b1c-2", traitsOf(2), `,"proof":"`+hex.EncodeToString(mac.Sum(nil))+`"`), `"messageId"`, `"source":"page","messageId"`, 1), x.page)
	if kept, _ := x.s.dataOf(t, "secret-user-9b1c-2"); len(kept) != 0 {
		t.Error("a contact's own grant is in nobody's request")
	}
	if _, errs, code := x.s.zgoda(t, "", "contact", "grant", "--site", "shop", "--identifier", "user_id:secret-user-9b1c-2", "--purpose", "profiling", "--reason", "asked"); code != 0 {
		t.Fatal(errs)
	}
	x.send(t, saidOf("secret-user-9b1c-2", traitsOf(2), `,"proof":"`+hex.EncodeToString(mac.Sum(nil))+`"`), x.page)
	kept, _ := x.arrived(t, "what a page said with a proof", "secret-user-9b1c-2", 4)
	if kept["email"] != "secret-mail-9b1c-2@example.org" || kept["user_id"] != "secret-user-9b1c-2" {
		t.Errorf("%d data are kept, of other values", len(kept))
	}
}

// inVain: nobody has agreed, a refusal, and no proof.
func (x *sayings) inVain(t *testing.T) {
	t.Helper()
	x.send(t, strings.Replace(saidOf("secret-user-9b1c-3", traitsOf(3), ""), `"profiling":true`, `"profiling":false`, 1), x.server)
	x.send(t, strings.Replace(saidOf("secret-user-9b1c-4", traitsOf(4), ""), `"analytics":true,"profiling":true`, ``, 1), x.server)
	x.send(t, saidOf("secret-user-9b1c-5", traitsOf(5), ""), x.page)
}

// throughKills: what was acknowledged before the gateway was killed, and not handed on,
// is still there afterwards.
func (x *sayings) throughKills(t *testing.T) {
	t.Helper()
	x.k.signal(syscall.SIGSTOP)
	x.send(t, saidOf("secret-user-9b1c-1", `{"name":"secret-name-9b1c-later"}`, ""), x.server) // known: decided at once
	strangers := x.send(t, saidOf("secret-user-9b1c-6", traitsOf(6), ""), x.server)
	if !strings.Contains(strangers, "by=later") {
		t.Errorf("a stranger was decided about without the keyholder: %s", strangers)
	}
	eventually(t, 10*time.Second, "what was said waiting", func() bool { return x.s.metrics(t)["zgoda_said_waiting_records"] > 0 })
	saidInClear(t, x.s, x.k)
	_ = x.s.cmd.Process.Kill()
	<-x.s.ended
	x.k.end(syscall.SIGKILL)
	x.k.start(t)
	x.s.start(t, host(t, x.s.public))
	x.arrived(t, "what a stranger said while the keyholder was away", "secret-user-9b1c-6", 4)
	if kept, _ := x.arrived(t, "the later name", "secret-user-9b1c-1", 4); kept["name"] != "secret-name-9b1c-later" {
		t.Error("what was acknowledged before the gateway was killed is lost")
	}
}

// switchedOff: what is said afterwards is not kept.
func (x *sayings) switchedOff(t *testing.T) {
	t.Helper()
	if _, errs, code := x.s.zgoda(t, "", "contact", "profiling", "off", "--site", "shop", "--identifier", "user_id:secret-user-9b1c-1", "--reason", "asked"); code != 0 {
		t.Fatal(errs)
	}
	x.send(t, saidOf("secret-user-9b1c-1", `{"name":"secret-name-9b1c-refused","lastName":"secret-name-9b1c"}`, ""), x.server)
	x.s.settled(t, 30*time.Second)
	if kept, _ := x.s.dataOf(t, "secret-user-9b1c-1"); kept["name"] != "secret-name-9b1c-later" || kept["lastName"] != "" {
		t.Error("something is kept of who refuses")
	}
}

// TestSaidReachesTheVault: what a proven identify says is kept with its source, through
// kills of the gateway and while the keyholder is away; of who refuses, or proves
// nothing, nothing is. No file has any of it in clear.
func TestSaidReachesTheVault(t *testing.T) {
	k := startKeyholder(t)
	s, server, page, secret := serveShop(t, k)
	x := &sayings{s: s, k: k, server: server, page: page, secret: secret}
	x.byServer(t)
	x.byPage(t)
	x.inVain(t)
	x.throughKills(t)
	for _, user := range []string{"secret-user-9b1c-3", "secret-user-9b1c-4", "secret-user-9b1c-5"} {
		if kept, _ := s.dataOf(t, user); len(kept) != 0 {
			t.Errorf("of %s %d data are kept", user, len(kept))
		}
	}
	x.switchedOff(t)
	madeWithData(t, s)
	saidInClear(t, s, k)
	s.stop(t)
	saidInClear(t, s, k)
}

// madeWithData makes a contact by the API with what is known of it; sent again, nothing
// is doubled.
func madeWithData(t *testing.T, s *stack) {
	t.Helper()
	const body = `{"identifier":"user_id:secret-user-9b1c-7","identifiers":["email:secret-work-9b1c@example.org"],"traits":{"name":"secret-name-9b1c"},"source":"secret-source-9b1c","basis":"contract"}`
	for _, want := range []int{http.StatusCreated, http.StatusOK} {
		if resp, text := post(t, s.console+"/api/v1/sites/shop/contacts", body, s.local(t)); resp.StatusCode != want {
			t.Fatalf("%d %s", resp.StatusCode, text)
		}
	}
	values, sources := s.dataOf(t, "secret-user-9b1c-7")
	if len(values) != 3 || values["email"] != "secret-work-9b1c@example.org" || values["name"] != "secret-name-9b1c" || sources != strings.Repeat("secret-source-9b1c/contract\n", 3) {
		t.Errorf("%d data: %s", len(values), sources)
	}
}
