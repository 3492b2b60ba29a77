package apptest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// page is what a page of the demo site sends: the public key with its Origin.
func page(s *stack) map[string]string {
	return map[string]string{"Origin": s.public, "Content-Type": "text/plain"}
}

func event(fields string) string {
	return `{"writeKey":"demo-key","type":"track","event":"Stranger",` + fields + `}`
}

const grantAll = `"context":{"consent":{"categoryPreferences":{"analytics":true,"profiling":true,"marketing":true}}}`

// TestStrangersCannotSpeakForAContact: with the public key alone nobody grants
// for a contact, identifies as one, or learns whether one exists.
func TestStrangersCannotSpeakForAContact(t *testing.T) {
	s := up(t)
	// The contact exists and refused nothing; then its profiling is switched off.
	post(t, s.public+"/v1/identify", `{"userId":"known-1","anonymousId":"known-browser","traits":{"email":"known@mail.example"},`+grantAll+`}`, secretKey)
	s.settled(t, 30*time.Second)
	contact := s.rows(t, "SELECT hex(subject) FROM events WHERE scope='person'")[0][0]
	if _, errs, code := s.zgoda(t, "", "contact", "profiling", "off", "--data", s.data, "--site", "demo", "--identifier", "user_id:known-1", "--reason", "test"); code != 0 {
		t.Fatalf("profiling off: %s", errs)
	}

	claims := []string{
		event(`"userId":"known-1","anonymousId":"stranger-1",` + grantAll),
		event(`"userId":"known-1","anonymousId":"stranger-1","proof":"` + strings.Repeat("0", 64) + `",` + grantAll),
		`{"writeKey":"demo-key","type":"identify","userId":"known-1","anonymousId":"stranger-1","traits":{"email":"known@mail.example"},` + grantAll + `}`,
		`{"writeKey":"demo-key","type":"alias","userId":"known-1","previousId":"stranger-1","anonymousId":"stranger-1",` + grantAll + `}`,
	}
	for i, route := range []string{"/v1/track", "/v1/track", "/v1/identify", "/v1/alias"} {
		if resp, text := post(t, s.public+route, claims[i], page(s)); resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", route, resp.StatusCode, text)
		}
	}
	// The server's own event of the contact stays without profiling.
	resp, _ := post(t, s.public+"/v1/track", `{"userId":"known-1","event":"after","messageId":"after",`+grantAll+`}`, secretKey)
	if d := resp.Header.Get("X-Consent-Decision"); !strings.Contains(d, "profiling=deny; by=switch") {
		t.Errorf("decision after the strangers' grants: %q", d)
	}
	m := s.settled(t, 30*time.Second)
	if m["zgoda_collector_claims_dropped_total"] < 4 {
		t.Errorf("claims dropped: %v", m["zgoda_collector_claims_dropped_total"])
	}
	if rows := s.rows(t, "SELECT count() FROM events WHERE hex(subject) = '"+contact+"'"); rows[0][0] != "1" {
		t.Errorf("rows of the contact: %s, want the one from before", rows[0][0])
	}
	// What the stranger sent is the stranger's own: one visitor, never the contact.
	if rows := s.rows(t, "SELECT uniqExact(subject), countIf(subject != visitor) FROM events WHERE scope='person' AND hex(subject) != '"+contact+"'"); rows[0][0] != "1" || rows[0][1] != "0" {
		t.Errorf("the stranger's rows: %v", rows)
	}
}

// TestStrangersLearnNothing: answers about a contact that exists and one that
// does not are the same, in words and in time.
func TestStrangersLearnNothing(t *testing.T) {
	s := up(t)
	post(t, s.public+"/v1/identify", `{"userId":"exists","traits":{"email":"exists@mail.example"},`+grantAll+`}`, secretKey)
	s.zgoda(t, "", "contact", "profiling", "off", "--data", s.data, "--site", "demo", "--identifier", "user_id:exists", "--reason", "test")

	ask := func(user string, n int) (answer string, took time.Duration) {
		body := event(fmt.Sprintf(`"userId":%q,"anonymousId":"asker","messageId":"ask-%s-%d",%s`, user, user, n, grantAll))
		begin := time.Now()
		resp, text := post(t, s.public+"/v1/track", body, page(s))
		took = time.Since(begin)
		return fmt.Sprint(resp.StatusCode, resp.Header.Get("X-Consent-Decision"), text), took
	}
	var times [2][]time.Duration
	for n := range 300 {
		a, ta := ask("exists", n)
		b, tb := ask("nobody", n)
		if a != b {
			t.Fatalf("answers differ:\n%s\n%s", a, b)
		}
		times[0], times[1] = append(times[0], ta), append(times[1], tb)
	}
	median := func(d []time.Duration) time.Duration { slices.Sort(d); return d[len(d)/2] }
	a, b := median(times[0]), median(times[1])
	t.Logf("median answer: a contact that exists %v, one that does not %v", a, b)
	if ratio := float64(a) / float64(b); ratio > 1.5 || ratio < 1/1.5 {
		t.Errorf("the times tell: %v and %v", a, b)
	}
	if resp, _ := post(t, s.public+"/v1/explain", event(`"userId":"exists"`), page(s)); resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("explain with the public key: %d", resp.StatusCode)
	}
}

// TestStrangersCannotForgeTheCookie: a made-up or altered cookie grants nothing.
func TestStrangersCannotForgeTheCookie(t *testing.T) {
	s := up(t)
	resp, text := post(t, s.public+"/consent", `{"key":"demo-key","choices":{"analytics":false,"profiling":false},"version":"1","locale":"en","surface":"dialogue"}`, map[string]string{"Origin": s.public})
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("refuse: %d %s", resp.StatusCode, text)
	}
	var choice *http.Cookie
	for _, c := range resp.Cookies() {
		if strings.HasSuffix(c.Name, "zgoda_consent") {
			choice = c
		}
		if strings.HasSuffix(c.Name, "zgoda_visitor") && c.Value != "" {
			t.Error("a full refusal was answered with a visitor's cookie")
		}
	}
	if choice == nil {
		t.Fatal("no choice cookie")
	}
	forged := []string{"", "1", "profiling=1", strings.Repeat("A", 5000), "%00"}
	for i := range len(choice.Value) { // one bit of each letter turned
		b := []byte(choice.Value)
		b[i] ^= 1
		if b[i] > ' ' && b[i] != ';' && b[i] != ',' && b[i] != '"' && b[i] != '\\' {
			forged = append(forged, string(b))
		}
	}
	for _, value := range forged {
		headers := page(s)
		headers["Cookie"] = choice.Name + "=" + value
		resp, text := post(t, s.public+"/v1/track", event(`"anonymousId":"forger"`), headers)
		if d := resp.Header.Get("X-Consent-Decision"); strings.Contains(d, "profiling=allow") || strings.Contains(d, "analytics=allow") || resp.StatusCode != http.StatusOK {
			t.Errorf("a forged cookie: %d %q %s", resp.StatusCode, d, text)
		}
	}
	s.settled(t, 30*time.Second)
	if rows := s.rows(t, "SELECT count() FROM events WHERE scope != 'none'"); rows[0][0] != "0" {
		t.Errorf("%s rows carry a pseudonym", rows[0][0])
	}
}

// engineAddress reads where the embedded engine listens.
func engineAddress(t *testing.T, s *stack) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(s.data, "run", "engine.json"))
	if err != nil {
		t.Fatal(err)
	}
	var run struct{ Address string }
	if err := json.Unmarshal(text, &run); err != nil {
		t.Fatal(err)
	}
	return run.Address
}

func dialEngine(t *testing.T, address, user, password string) clickhouse.Conn {
	t.Helper()
	conn, err := clickhouse.Open(&clickhouse.Options{
		Addr: []string{address}, Auth: clickhouse.Auth{Username: user, Password: password}, DialTimeout: 3 * time.Second,
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// TestStrangersGetNothingFromTheEngine: a local client without a password is
// not let in, reads no table and no file, and costs a restart like a wrong
// password. (What each user may do once let in is tested with the engine.)
func TestStrangersGetNothingFromTheEngine(t *testing.T) {
	s := up(t)
	post(t, s.public+"/v1/track", `{"userId":"u","event":"x"}`, secretKey)
	s.settled(t, 30*time.Second)
	secret := filepath.Join(t.TempDir(), "secret.key")
	if err := os.WriteFile(secret, []byte("canary-key-material"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{
		"SELECT toString(count()) FROM zgoda.events",
		"SELECT file('" + secret + "')",
		"SELECT line FROM file('" + secret + "', 'LineAsString', 'line String')",
		"SELECT toString(1)",
	} {
		address, before := engineAddress(t, s), s.child("zgoda-clickhouse")
		var answer string
		err := dialEngine(t, address, "default", "").QueryRow(t.Context(), query).Scan(&answer)
		if err == nil || answer != "" || strings.Contains(err.Error(), "canary") {
			t.Errorf("%s was answered: %q, %v", query, answer, err)
		}
		restarted(t, s, before, 10*time.Second)
	}
	if rows := s.rows(t, "SELECT count() FROM events"); rows[0][0] != "1" {
		t.Errorf("%s rows afterwards", rows[0][0])
	}
}

// restarted waits for another engine than before to listen, and says how long
// that took.
func restarted(t *testing.T, s *stack, before int, within time.Duration) time.Duration {
	t.Helper()
	begin := time.Now()
	eventually(t, within, "another engine", func() bool {
		pid := s.child("zgoda-clickhouse")
		return pid != 0 && pid != before && listening(engineAddress(t, s))
	})
	return time.Since(begin)
}

// TestEngineWeaknessCostsNoEvent: a wrong password and a malformed greeting end
// the embedded engine; it is up again within two seconds and no event is lost.
func TestEngineWeaknessCostsNoEvent(t *testing.T) {
	s := up(t)
	load := startLoad(t, host(t, s.public), mix{clients: 2})
	address := engineAddress(t, s)
	for what, attack := range map[string]func() error{
		"a wrong password": func() error { return dialEngine(t, address, "zgoda", "wrong").Ping(t.Context()) },
		"a malformed greeting": func() error {
			return greet(address, []byte{0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 1, 2, 3})
		},
	} {
		before := s.child("zgoda-clickhouse")
		if err := attack(); err == nil && what == "a wrong password" {
			t.Errorf("%s was accepted", what)
		}
		took := restarted(t, s, before, 10*time.Second)
		t.Logf("after %s: another engine listens in %v", what, took.Round(time.Millisecond))
		if took > 2*time.Second {
			t.Errorf("%s cost more than two seconds: %v", what, took)
		}
	}
	load.stop()
	s.exactlyOnce(t, load, time.Minute)
}

func alive(pid int) bool { return !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) }

func listening(address string) bool {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return false
	}
	_ = conn.Close()
	return true
}

func greet(address string, greeting []byte) error {
	conn, err := net.DialTimeout("tcp", address, time.Second)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := conn.Write(greeting); err != nil {
		return err
	}
	_ = conn.SetReadDeadline(time.Now().Add(time.Second))
	_, err = io.Copy(io.Discard, conn)
	return err
}
