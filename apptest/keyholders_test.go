package apptest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/control/pgtest"
	"zgoda/engine/enginetest"
	"zgoda/pseudonym/kek/kektest"
)

// keyholder is a process that shares its vault and its keys with others.
type keyholder struct {
	args                  []string
	socket, admin, helper string
	log                   *logFile
	cmd                   *exec.Cmd
	ended                 chan struct{}
}

func (k *keyholder) start(t *testing.T) {
	t.Helper()
	k.cmd, k.ended = exec.Command(filepath.Join(bin, "zgoda-keyholder"), k.args...), make(chan struct{})
	k.cmd.Stdout, k.cmd.Stderr = k.log, k.log
	before := strings.Count(k.log.String(), "ready socket=")
	if err := k.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func(cmd *exec.Cmd, ended chan struct{}) { _ = cmd.Wait(); close(ended) }(k.cmd, k.ended)
	eventually(t, 30*time.Second, "the keyholder's ready line", func() bool { return strings.Count(k.log.String(), "ready socket=") > before })
}

// kill ends it as a crash does.
func (k *keyholder) kill() {
	_ = k.cmd.Process.Kill()
	<-k.ended
}

// shared are two keyholders over one vault, each with a zgoda-kek of its own for the
// one token, and two gateways, of which each talks to another keyholder.
type shared struct {
	hsm        kektest.SoftHSM
	k          [2]*keyholder
	a, b       *stack
	clickhouse *pgtest.Proxy // the second gateway reaches ClickHouse by way of it
}

// startShared starts them, with more of the gateways' configuration.
func startShared(t *testing.T, more string) *shared {
	t.Helper()
	hsm, err := kektest.NewSoftHSM(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	access, server, data := enginetest.Start(t), pgtest.Start(t), t.TempDir()
	s, control, vault := &shared{hsm: hsm}, server.Database(t), server.Database(t)
	s.clickhouse = pgtest.NewProxyTo(t, "tcp", access.Address)
	clickhouse := func(address string) string {
		return fmt.Sprintf("clickhouse://%s:%s@%s/zgoda", access.Admin.User, access.Admin.Password.Reveal(), address)
	}
	for i := range s.k {
		dir := filepath.Join(data, fmt.Sprint("keyholder-", i))
		run := filepath.Join(dir, "run")
		if err := os.MkdirAll(run, 0o700); err != nil {
			t.Fatal(err)
		}
		k := &keyholder{socket: filepath.Join(run, "keyholder.sock"), admin: filepath.Join(run, "admin.sock"), helper: filepath.Join(run, "kek.sock"), log: &logFile{}}
		helps(t, hsm, "kek", k.helper)
		k.args = []string{"--data", filepath.Join(dir, "data"), "--socket", k.socket, "--vault", vault, "--kek", hsm.URI("kek"), "--kek-socket", k.helper, "--metrics", "127.0.0.1:0"}
		k.start(t)
		t.Cleanup(func() {
			k.kill()
			if t.Failed() {
				t.Logf("what keyholder %d printed:\n%s", i, tail(k.log.String(), 4000))
			}
		})
		s.k[i] = k
	}
	s.a = serving(t, data, "gate-a", s.k[0].socket, control, clickhouse(access.Address), more+fmt.Sprintf("keyholder: {admin_socket: %q}\n", s.k[0].admin))
	s.b = serving(t, data, "gate-b", s.k[1].socket, control, clickhouse(s.clickhouse.Address()), more)
	return s
}

// rotates begins a rotation at the keyholder that rotates, and returns which it is.
func (s *shared) rotates(t *testing.T, args ...string) int {
	t.Helper()
	var said string
	for i, k := range s.k {
		out, errs, code := s.a.zgoda(t, "", append([]string{"keys", "rotate", "--socket", k.admin}, args...)...)
		if code == 0 {
			return i
		}
		said += out + errs
	}
	t.Fatalf("no keyholder rotates: %s", said)
	return 0
}

func (s *shared) status(t *testing.T, i int) string {
	t.Helper()
	out, errs, code := s.a.zgoda(t, "", "keys", "status", "--socket", s.k[i].admin)
	if code != 0 {
		return errs
	}
	return out
}

// TestTwoKeyholdersUnderLoad: what the keys of one keyholder go through holds for two
// that share a vault, while gateways of both collect: purpose-profiling is rewritten,
// also when either keyholder is killed on the way, and the key-encryption key changes.
// Nobody is refused, nothing lost or doubled, and one contact's rows stay together.
func TestTwoKeyholdersUnderLoad(t *testing.T) {
	s := startShared(t, "")
	p, q := person{s: s.a}, person{s: s.b, sent: 1000}
	p.comes(t, 50)
	q.comes(t, 50)
	s.a.settled(t, time.Minute)
	s.b.settled(t, time.Minute)
	one := startLoad(t, host(t, s.a.public), mix{clients: 4, pause: 20 * time.Millisecond})
	two := startLoad(t, host(t, s.b.public), mix{clients: 4, pause: 20 * time.Millisecond, first: 100})
	eventually(t, time.Minute, "load on both", func() bool { return one.acked.Load() > 500 && two.acked.Load() > 500 })

	for _, killed := range []string{"", "the other", "the one that rotates"} {
		before, _ := p.rows(t)
		old, start := p.subject(t), time.Now()
		rotates := s.rotates(t, "purpose-profiling", "--detach")
		if killed != "" {
			k := s.k[rotates]
			if killed == "the other" {
				k = s.k[1-rotates]
			}
			k.kill()
			k.start(t)
		}
		eventually(t, 2*time.Minute, "the end of the rotation at both", func() bool {
			return !strings.Contains(s.status(t, 0)+s.status(t, 1), "under way") && s.a.metrics(t)["zgoda_rekey_open"] == 0 && s.b.metrics(t)["zgoda_rekey_open"] == 0
		})
		after, _ := p.rows(t)
		t.Logf("rotation with two keyholders and two gateways under load, killed: %q; one contact's rows %d before, %d after; %s", killed, before, after, time.Since(start).Round(10*time.Millisecond))
		p.comes(t, 1)
		q.comes(t, 1)
		eventually(t, time.Minute, "the contact's events by both gateways under one pseudonym", func() bool { n, _ := p.rows(t); return n == before+2 })
		if before == 0 || before != after || p.subject(t) == old || p.subject(t) != q.subject(t) {
			t.Errorf("%d rows before, %d after; a new pseudonym: %t", before, after, p.subject(t) != old)
		}
	}
	s.changesKEK(t, one, two)
	one.stop()
	two.stop()
	s.b.settled(t, 2*time.Minute)
	s.a.exactlyOnce(t, one, 2*time.Minute)
	s.b.exactlyOnce(t, two, 2*time.Minute)
	for _, l := range []*load{one, two} {
		if l.busy.Load() > 0 || l.silent.Load() > 0 {
			t.Errorf("clients noticed: %s", l.told())
		}
	}
}

// changesKEK goes over to another key of the token. The other keyholder cannot reach
// it at first: it says so and goes on, and follows when it can.
func (s *shared) changesKEK(t *testing.T, loads ...*load) {
	t.Helper()
	next, leads := s.hsm.URI("next"), -1
	for i, k := range s.k {
		out, errs, code := s.a.zgoda(t, "", "keys", "rotate", "kek", "--to", next, "--socket", k.admin)
		if code == 0 {
			t.Fatalf("changed to what nobody serves: %s", out)
		}
		if !strings.Contains(errs, "another keyholder rotates") {
			leads = i
		}
	}
	helps(t, s.hsm, "next", s.k[leads].helper+".next")
	if out, errs, code := s.a.zgoda(t, "", "keys", "rotate", "kek", "--to", next, "--socket", s.k[leads].admin); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	other := s.k[1-leads]
	const unreached = "\nzgoda_keyholder_kek_unreached "
	eventually(t, 30*time.Second, "the other says that it cannot follow", func() bool {
		return strings.Contains(s.status(t, 1-leads), "cannot open keys that another has wrapped anew") && strings.Contains(other.metrics(t), unreached+"1\n")
	})
	for _, l := range loads {
		acked := l.acked.Load()
		eventually(t, 30*time.Second, "load after the change", func() bool { return l.acked.Load() > acked+200 })
	}
	for i := range s.k { // who comes for the first time is known all the same
		p := person{s: []*stack{s.a, s.b}[i], sent: 5000 + i}
		p.comes(t, 1)
	}
	helps(t, s.hsm, "next", other.helper+".next")
	eventually(t, 30*time.Second, "the other follows", func() bool {
		return strings.Contains(s.status(t, 1-leads), "key-encryption key  "+next+"\n") && strings.Contains(other.metrics(t), unreached+"0\n")
	})
}

// metrics are those of the process that runs now.
func (k *keyholder) metrics(t *testing.T) string {
	t.Helper()
	log := k.log.String()
	address := log[strings.LastIndex(log, " metrics=")+len(" metrics="):]
	return get(t, strings.TrimSpace(strings.SplitN(address, "\n", 2)[0]))
}

// helps starts a zgoda-kek for one key of the token.
func helps(t *testing.T, hsm kektest.SoftHSM, object, socket string) {
	t.Helper()
	log := &logFile{}
	cmd := exec.Command(filepath.Join(bin, "zgoda-kek"), "--socket", socket, "--provider", hsm.URI(object), "--pin-file", hsm.PIN, "--make")
	cmd.Env = append(os.Environ(), hsm.Environ())
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	eventually(t, 20*time.Second, "zgoda-kek's ready line", func() bool { return strings.Contains(log.String(), "ready socket=") })
}
