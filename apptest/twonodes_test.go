package apptest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"zgoda/cli"
	"zgoda/control/pgtest"
	"zgoda/engine/enginetest"
)

// gateways are two that share a keyholder, a ClickHouse and a control store in
// PostgreSQL, whose commits wait for the disk. The second reaches PostgreSQL by way
// of a proxy.
type gateways struct {
	a, b  *stack
	proxy *pgtest.Proxy
	dsn   string // of ClickHouse
	admin string // the keyholder's socket for who looks after the keys, which the first gateway may use
}

func startGateways(t *testing.T) *gateways {
	t.Helper()
	access, server := enginetest.Start(t), pgtest.StartDurable(t)
	g := &gateways{proxy: pgtest.NewProxy(t, server)}
	address, data := server.Database(t), t.TempDir()
	socket := filepath.Join(data, "private", "keyholder.sock")
	keyholder := background(t, filepath.Join(bin, "zgoda-keyholder"), "--data", filepath.Join(data, "keyholder"), "--socket", socket)
	eventually(t, 15*time.Second, "the keyholder's ready line", func() bool { return strings.Contains(keyholder.String(), "ready ") })
	clickhouse := fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address)
	g.dsn = clickhouse
	g.admin = filepath.Join(data, "private", "admin.sock")
	g.a = serving(t, data, "gate-a", socket, address, clickhouse, fmt.Sprintf("keyholder: {admin_socket: %q}\n", g.admin))
	g.b = serving(t, data, "gate-b", socket, pgtest.Through(t, address, g.proxy.Address()), clickhouse, "")
	return g
}

// serving starts a gateway of a name, with more of its configuration, on a keyholder,
// a control store and a ClickHouse that others may share.
func serving(t *testing.T, data, name, keyholder, control, clickhouse, more string) *stack {
	t.Helper()
	path := filepath.Join(data, name+".yaml")
	text := fmt.Sprintf("control: %q\nclickhouse: %q\nnode: %s\n%s", control, clickhouse, name, more)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := &stack{data: filepath.Join(data, name), log: &logFile{}}
	s.command = []string{
		"serve", "--demo", "--config", path, "--data", s.data, "--keyholder", keyholder, "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}
	s.start(t, "127.0.0.1:0")
	t.Cleanup(func() {
		s.stop(t)
		if t.Failed() {
			t.Logf("what %s printed:\n%s", name, tail(s.log.String(), 4000))
		}
	})
	return s
}

// console calls a gateway's console as the commands on its machine do.
func (s *stack) call(t *testing.T, method, path, body string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(s.data, "run", "console.json"))
	if err != nil {
		t.Fatal(err)
	}
	var access cli.Access
	if err := json.Unmarshal(content, &access); err != nil {
		t.Fatal(err)
	}
	headers := map[string]string{"Authorization": "Bearer " + access.Token, "Content-Type": "application/json"}
	resp, text := send(t, method, s.console+"/api/v1"+path, body, headers)
	if resp.StatusCode/100 != 2 {
		t.Fatalf("%s %s: %d %s", method, path, resp.StatusCode, text)
	}
	return text
}

func (s *stack) contact(t *testing.T, identifier string) string {
	t.Helper()
	var answer struct{ Contact string }
	if err := json.Unmarshal([]byte(s.call(t, http.MethodPost, "/sites/demo/contacts", fmt.Sprintf(`{"identifier":%q}`, identifier))), &answer); err != nil || answer.Contact == "" {
		t.Fatalf("no contact: %v", err)
	}
	return answer.Contact
}

// choose records a choice about profiling and returns when it was answered.
func (s *stack) choose(t *testing.T, contact string, granted bool) {
	t.Helper()
	s.call(t, http.MethodPut, "/sites/demo/contacts/"+contact+"/consents/profiling", fmt.Sprintf(`{"granted":%v,"channel":"phone","reason":"asked"}`, granted))
}

// profiles sends an event and says how it was answered, and whether profiling was
// allowed.
func (s *stack) profiles(t *testing.T, user, event string) (status int, allowed bool) {
	t.Helper()
	resp, _ := post(t, s.public+"/v1/track", fmt.Sprintf(`{"userId":%q,"event":%q}`, user, event), secretKey)
	return resp.StatusCode, strings.Contains(resp.Header.Get("X-Consent-Decision"), "profiling=allow")
}

// withdrawals is how often the tests with times withdraw: 50 times, or the number in
// ZGODA_WITHDRAWALS.
func withdrawals(t *testing.T) int {
	t.Helper()
	text := os.Getenv("ZGODA_WITHDRAWALS")
	if text == "" {
		return 50
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("ZGODA_WITHDRAWALS is no number such as 300: %v", err)
	}
	return n
}

// times are how long something took, each time.
type times []time.Duration

func (took times) String() string {
	slices.Sort(took)
	n := len(took)
	return fmt.Sprintf("median %v, 99 of 100 within %v, worst %v", took[n/2], took[n*99/100], took[n-1])
}

// withdraw withdraws n times; the first event behind the answer, on the same gateway,
// must be denied.
func (s *stack) withdraw(t *testing.T, store, user string, n int) {
	t.Helper()
	contact := s.contact(t, "user_id:"+user)
	var took times
	for range n {
		s.choose(t, contact, true)
		if _, allowed := s.profiles(t, user, "before"); !allowed {
			t.Fatal("a grant that was answered is not in force")
		}
		asked := time.Now()
		s.choose(t, contact, false)
		took = append(took, time.Since(asked))
		if _, allowed := s.profiles(t, user, "withdrawn"); allowed {
			t.Fatal("a withdrawal that was answered is not enforced")
		}
	}
	t.Logf("%d withdrawals on one gateway with %s, from being asked for to the answer, from which on it is enforced there: %v", n, store, took)
}

// withdrawThere withdraws n times on one gateway and sends events to the other until
// they are denied. It returns whether the other one holds a grant for good.
func (g *gateways) withdrawThere(t *testing.T, contact string, n int) (granted func() bool) {
	t.Helper()
	granted = func() bool {
		status, allowed := g.b.profiles(t, "jana", "before")
		return status == http.StatusOK && allowed
	}
	var fromAsked, fromAnswered times
	for range n {
		g.a.choose(t, contact, true)
		soon(t, 5*time.Second, "a grant on the other gateway", granted)
		asked := time.Now()
		g.a.choose(t, contact, false)
		fromAnswered = append(fromAnswered, soon(t, 5*time.Second, "a withdrawal on the other gateway", func() bool { return !granted() }))
		fromAsked = append(fromAsked, time.Since(asked))
	}
	t.Logf("%d withdrawals on one gateway, until an event was denied on the other: from being asked for %v; from the answer %v", n, fromAsked, fromAnswered)
	if worst := slices.Max(fromAsked); worst > time.Second {
		t.Errorf("a withdrawal took %v", worst)
	}
	return granted
}

// TestWithdrawalHoldsAtTheAnswer: on one gateway, no event behind the answer to a
// withdrawal is profiled.
func TestWithdrawalHoldsAtTheAnswer(t *testing.T) {
	up(t).withdraw(t, "SQLite", "eva", withdrawals(t))
}

// TestTwoGateways: what is withdrawn on one gateway is enforced on the other
// within a second; one that is cut off from PostgreSQL takes nothing about
// anybody, and goes on by itself once it is mended.
func TestTwoGateways(t *testing.T) {
	g := startGateways(t)
	contact, n := g.a.contact(t, "user_id:jana"), withdrawals(t)
	g.a.withdraw(t, "PostgreSQL", "eva", n)
	granted := g.withdrawThere(t, contact, n)

	g.a.choose(t, contact, true)
	soon(t, 5*time.Second, "a grant on the other gateway", granted)
	g.proxy.Cut()
	g.a.choose(t, contact, false) // the other cannot hear of it
	denied := soon(t, 5*time.Second, "a gateway that is cut off denying", func() bool {
		status, allowed := g.b.profiles(t, "jana", "cut off")
		return status == http.StatusServiceUnavailable && !allowed
	})
	t.Logf("cut off from PostgreSQL, it denied after %v", denied)
	if denied > 1500*time.Millisecond {
		t.Errorf("it denied after %v", denied)
	}
	if resp, text := post(t, g.b.public+"/v1/page", `{"name":"nobody"}`, secretKey); resp.StatusCode == http.StatusServiceUnavailable {
		t.Errorf("an event about nobody: %d %s", resp.StatusCode, text)
	}
	if status, _ := g.a.profiles(t, "jana", "on the other"); status != http.StatusOK {
		t.Errorf("the gateway that is not cut off: %d", status)
	}
	if age := g.b.metrics(t)["zgoda_control_heartbeat_age_seconds"]; age < 1 {
		t.Errorf("the age of the last heartbeat is %v", age)
	}
	g.proxy.Mend()
	back := soon(t, 20*time.Second, "the gateway taking events again", func() bool {
		status, allowed := g.b.profiles(t, "jana", "after")
		if allowed {
			t.Fatal("what was withdrawn while it was cut off is still granted")
		}
		return status == http.StatusOK
	})
	t.Logf("mended, it took events again after %v", back)
	other := g.a.contact(t, "user_id:eva")
	g.a.choose(t, other, true)
	soon(t, 5*time.Second, "a grant on the other gateway", func() bool { _, allowed := g.b.profiles(t, "eva", "granted"); return allowed })
	for _, s := range []*stack{g.a, g.b} {
		s.settled(t, 30*time.Second)
	}
	rows := g.a.rows(t, "SELECT countIf(scope='person' AND name='granted') > 0, countIf(scope='person' AND name IN ('after', 'on the other', 'cut off', 'withdrawn')) FROM events")
	if rows[0][0] != "1" || rows[0][1] != "0" {
		t.Errorf("rows: %v", rows)
	}
}
