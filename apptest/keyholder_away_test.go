package apptest

import (
	"cmp"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/engine/enginetest"
)

// ownKeyholder is a keyholder that the test runs, so that it stays away when it is
// ended.
type ownKeyholder struct {
	data, socket string
	args         []string // more of its arguments
	build        build
	log          *logFile
	cmd          *exec.Cmd // nil while it is away
}

// build is how binaries are made and started; of an empty one as they are shipped.
type build struct {
	programs  string   // their folder; empty: bin
	variables []string // of their environment, beside the test's own
}

// startKeyholder starts a keyholder that ends with the test.
func startKeyholder(t *testing.T, args ...string) *ownKeyholder {
	t.Helper()
	return startKeyholderOf(t, build{}, args...)
}

// startKeyholderOf is startKeyholder of another build.
func startKeyholderOf(t *testing.T, b build, args ...string) *ownKeyholder {
	t.Helper()
	dir := t.TempDir()
	k := &ownKeyholder{data: filepath.Join(dir, "keyholder"), socket: filepath.Join(dir, "private", "keyholder.sock"), args: args, build: b, log: &logFile{}}
	k.start(t)
	t.Cleanup(func() {
		k.end(syscall.SIGKILL)
		if t.Failed() {
			t.Logf("what the keyholder printed:\n%s", tail(k.log.String(), 2000))
		}
	})
	return k
}

func (k *ownKeyholder) start(t *testing.T) {
	t.Helper()
	before := strings.Count(k.log.String(), "ready ")
	k.cmd = exec.Command(filepath.Join(cmp.Or(k.build.programs, bin), "zgoda-keyholder"), append([]string{"--data", k.data, "--socket", k.socket}, k.args...)...)
	k.cmd.Env = append(os.Environ(), k.build.variables...)
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	eventually(t, 30*time.Second, "the keyholder's ready line", func() bool { return strings.Count(k.log.String(), "ready ") > before })
}

func (k *ownKeyholder) signal(what syscall.Signal) { _ = k.cmd.Process.Signal(what) }

// end ends the keyholder by the signal; nothing starts it again.
func (k *ownKeyholder) end(how syscall.Signal) {
	if k.cmd == nil {
		return
	}
	k.signal(how)
	k.signal(syscall.SIGCONT) // or one that was stopped would not end
	_ = k.cmd.Wait()
	k.cmd = nil
}

// serveWith starts a gateway on a keyholder of the test's own, with variables as
// NAME=value in its environment.
func serveWith(t *testing.T, k *ownKeyholder, variables ...string) *stack {
	t.Helper()
	access := enginetest.Start(t)
	s := &stack{data: filepath.Join(t.TempDir(), "gateway"), log: &logFile{}}
	s.prepare = func(c *exec.Cmd) { c.Env = append(os.Environ(), variables...) }
	s.command = []string{
		"serve", "--demo", "--data", s.data, "--keyholder", k.socket,
		"--clickhouse", fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), access.Address),
		"--console", "127.0.0.1:0", "--ops", "127.0.0.1:0",
	}
	s.run(t)
	return s
}

// TestI4KeyholderAway: the keyholder is stopped, or killed, for a while, under load
// with new visitors and new contacts. Clients notice nothing, the gateway stays ready,
// identifiers are nowhere in clear, and every event that was acknowledged is stored
// exactly once when the keyholder is back. The gateway is killed too before that.
func TestI4KeyholderAway(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		how     string
		lose    func(k *ownKeyholder)
		restore func(t *testing.T, k *ownKeyholder)
	}{
		{"is stopped", func(k *ownKeyholder) { k.signal(syscall.SIGSTOP) }, func(_ *testing.T, k *ownKeyholder) { k.signal(syscall.SIGCONT) }},
		{"is killed", func(k *ownKeyholder) { k.end(syscall.SIGKILL) }, func(t *testing.T, k *ownKeyholder) { t.Helper(); k.start(t) }},
	} {
		t.Run(c.how, func(t *testing.T) {
			t.Parallel()
			k := startKeyholder(t)
			s := serveWith(t, k)
			l := startLoad(t, host(t, s.public), mix{clients: 8, pause: 20 * time.Millisecond, strangers: true})
			p := stepping(s, l)
			p.more(t, 500)
			p.done(t, "load runs")
			c.lose(k)
			keyholderAway(t, s, l, "the keyholder "+c.how)
			p.done(t, "the keyholder "+c.how)
			waited := s.metrics(t)["zgoda_later_waiting_records"]

			// Each half takes no longer than all of it took to gather, and a minute; load goes on.
			within := time.Minute + awayTime(t)
			c.restore(t, k)
			back := time.Now()
			eventually(t, within, "half of what waited for the keyholder decided", func() bool {
				m := s.metrics(t)
				balance(t, m)
				return m["zgoda_later_waiting_records"] < waited/2
			})
			decided, took := s.metrics(t)[`zgoda_later_resolved_total{fate="stored"}`], time.Since(back)
			t.Logf("%.0f events waited; %.0f were decided in %v, %.0f a second", waited, decided, took.Round(time.Millisecond), decided/took.Seconds())
			_ = s.cmd.Process.Kill() // in the middle of deciding, or after it
			<-s.ended
			s.start(t, host(t, s.public))
			eventually(t, within, "nothing waiting for the keyholder", func() bool { return s.metrics(t)["zgoda_later_waiting_records"] == 0 })
			p.done(t, "the keyholder is back, and the gateway was killed")
			l.stop()
			s.exactlyOnce(t, l, 2*time.Minute)
			if rows := s.rows(t, "SELECT count(), uniqExact(message_id) FROM events WHERE startsWith(message_id, 'away-')"); rows[0][0] != "3" || rows[0][1] != "3" {
				t.Errorf("of three events with canaries %v are stored", rows[0])
			}
			searchFiles(t, s)
			search(t, "the logs", []byte(s.log.String()+k.log.String()))
			p.done(t, "everything is shipped")
		})
	}
}

// keyholderAway watches the gateway while the keyholder is away.
func keyholderAway(t *testing.T, s *stack, l *load, how string) {
	t.Helper()
	busy, planted := l.busy.Load(), false
	for deadline := time.Now().Add(awayTime(t)); time.Now().Before(deadline); pause(t, 200*time.Millisecond) {
		if status, text := s.readiness(t); status != http.StatusOK {
			t.Fatalf("not ready while %s: %d %s", how, status, text)
		}
		m := s.metrics(t)
		balance(t, m)
		if m["zgoda_later_waiting_records"] > 0 && !planted {
			planted = true
			plantStrangers(t, s)
		}
	}
	m := s.metrics(t)
	if !planted || m["zgoda_later_waiting_records"] < 10 || m["zgoda_later_bytes"] == 0 || m["zgoda_later_oldest_seconds"] == 0 {
		t.Errorf("%v events wait for the keyholder, in %v bytes, the first for %v s", m["zgoda_later_waiting_records"], m["zgoda_later_bytes"], m["zgoda_later_oldest_seconds"])
	}
	if l.busy.Load() != busy {
		t.Errorf("clients noticed: %s", l.told())
	}
	searchFiles(t, s) // with everything still waiting
}

// plantStrangers sends events full of canaries about people that nobody knows.
func plantStrangers(t *testing.T, s *stack) {
	t.Helper()
	for i, path := range []string{"/v1/track", "/v1/identify", "/v1/alias"} {
		body := strings.Replace(canaryEvent(path, `{"analytics":true,"profiling":true}`), `"messageId":"id-`, fmt.Sprintf(`"messageId":"away-%d-`, i), 1)
		resp, text := post(t, s.public+path, body, secretKey)
		if d := resp.Header.Get("X-Consent-Decision"); resp.StatusCode != http.StatusOK || !strings.Contains(d, "by=later") || strings.Contains(d, "=allow") {
			t.Errorf("%s: %d %q %s", path, resp.StatusCode, d, text)
		}
	}
	if rows := s.rows(t, "SELECT count() FROM events WHERE startsWith(message_id, 'away-')"); rows[0][0] != "0" {
		t.Errorf("%v events are stored that nobody can have decided", rows[0][0])
	}
}

// TestSealedQueueFull: what waits for the keyholder is at its limit. Events about
// strangers are refused then, those about known people go on, and what was
// acknowledged is stored.
func TestSealedQueueFull(t *testing.T) {
	t.Parallel()
	const limit = 64 << 20
	k := startKeyholder(t)
	s := serveWith(t, k, "ZGODA_SEALED_LIMIT=64MiB")
	known := `{"userId":"known","event":"x","messageId":"full-%s",` + grantAll + `}`
	if resp, text := post(t, s.public+"/v1/track", fmt.Sprintf(known, "before"), secretKey); resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	k.signal(syscall.SIGSTOP)
	l := startLoad(t, host(t, s.public), mix{clients: 8, pad: 20_000, strangers: true})
	eventually(t, 2*time.Minute, "a full queue", func() bool {
		m := s.metrics(t)
		balance(t, m)
		return m["zgoda_later_bytes"] >= limit && m[`zgoda_events_refused_total{reason="sealed_full"}`] > 0
	})
	resp, text := post(t, s.public+"/v1/track", `{"userId":"nobody knows","event":"x",`+grantAll+`}`, secretKey)
	if resp.StatusCode != http.StatusServiceUnavailable || resp.Header.Get("Retry-After") == "" || !strings.Contains(text, "waits for it is full") {
		t.Errorf("a stranger: %d, Retry-After %q: %s", resp.StatusCode, resp.Header.Get("Retry-After"), text)
	}
	if resp, text := post(t, s.public+"/v1/track", fmt.Sprintf(known, "while"), secretKey); resp.StatusCode != http.StatusOK {
		t.Errorf("somebody who is known: %d %s", resp.StatusCode, text)
	}
	eventually(t, 30*time.Second, "/readyz 503", func() bool {
		status, text := s.readiness(t)
		return status == http.StatusServiceUnavailable && strings.Contains(text, "no more can wait for it")
	})
	m := s.metrics(t)
	balance(t, m)
	if m["zgoda_later_bytes"] < limit || m["zgoda_later_limit_bytes"] != limit {
		t.Errorf("%v of %v bytes", m["zgoda_later_bytes"], m["zgoda_later_limit_bytes"])
	}
	k.signal(syscall.SIGCONT)
	eventually(t, time.Minute, "/readyz 200", func() bool { status, _ := s.readiness(t); return status == http.StatusOK })
	acked := l.acked.Load()
	eventually(t, time.Minute, "events answered 2xx again", func() bool { return l.acked.Load() > acked })
	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
}
