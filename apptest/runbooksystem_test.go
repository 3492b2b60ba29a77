package apptest

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"zgoda/apptest/disk"
	"zgoda/apptest/prometheus"
)

// operated is a system as a runbook finds it: watched by a Prometheus, with units
// that can be started and stopped, and a shell in which an operator types.
type operated struct {
	*stack
	engine     *ownEngine    // nil with zgoda up
	keyholder  *ownKeyholder // nil with zgoda up
	prometheus *prometheus.Server
	config     string            // path of zgoda.yaml
	units      map[string]unit   // by the names of docs/runbooks/README.md
	variables  map[string]string // of the shell
	folder     string            // where commands are typed
	tools      string            // folder of systemctl, journalctl and clickhouse-client
	asked      chan order
	loads      int    // how many loads were started
	points     string // folder of the points at which its processes fail; empty: they have none
	blind      string // why this machine's Prometheus cannot see the trouble that is made; set by its begin
}

// unit is what systemd would look after.
type unit struct {
	start, stop func(t *testing.T)
	runs        func() bool
	log         func() string
}

// order is what somebody asks systemctl for; the test carries it out.
type order struct {
	act, unit string
	done      chan string // what is wrong, or nothing
}

// operate starts gateway, keyholder and ClickHouse as units of their own, with more
// of the gateway's configuration and of the keyholder's arguments.
func operate(t *testing.T, more string, keyholderArgs ...string) *operated {
	t.Helper()
	return operateOn(t, func(string) disk.Disk { return nil }, more, keyholderArgs...)
}

// operateOn is operate with a disk that can fail under the spool's folder.
func operateOn(t *testing.T, under func(folder string) disk.Disk, more string, keyholderArgs ...string) *operated {
	t.Helper()
	return operateOf(t, build{}, under, more, keyholderArgs...)
}

// operateOf is operateOn of another build.
func operateOf(t *testing.T, b build, under func(folder string) disk.Disk, more string, keyholderArgs ...string) *operated {
	t.Helper()
	return plan{build: b, under: under, more: more, keyholder: keyholderArgs}.operate(t)
}

// plan is a system to be started.
type plan struct {
	build     build
	under     func(folder string) disk.Disk                       // what its spool is on; nil: the machine's
	more      string                                              // of its configuration
	keyholder []string                                            // more of the keyholder's arguments
	before    func(t *testing.T, k *ownKeyholder, metrics string) // what happened before the gateway was started; may be nil
}

func (p plan) operate(t *testing.T) *operated {
	t.Helper()
	e, address, b := startEngine(t), freeAddress(t), p.build
	k := startKeyholderOf(t, b, append([]string{"--metrics", address}, p.keyholder...)...)
	if p.before != nil {
		p.before(t, k, "http://"+address+"/metrics")
	}
	dir := t.TempDir()
	o := &operated{engine: e, keyholder: k, config: filepath.Join(dir, "zgoda.yaml")}
	o.stack = &stack{data: filepath.Join(dir, "data"), log: &logFile{}, programs: b.programs}
	o.prepare = func(cmd *exec.Cmd) { cmd.Env = append(os.Environ(), b.variables...) }
	o.configure(t, fmt.Sprintf("clickhouse: %q\n", e.dsn())+p.more)
	if p.under != nil {
		if d := p.under(filepath.Join(o.data, "spool")); d != nil {
			o.disk = d
		}
	}
	o.command = []string{
		"serve", "--config", o.config, "--data", o.data, "--keyholder", k.socket, "--console", freeAddress(t), "--ops", freeAddress(t),
	}
	o.run(t)
	o.units = map[string]unit{
		"zgoda": o.gateway(), "zgoda-keyholder": {k.start, func(*testing.T) { k.end(syscall.SIGTERM) }, func() bool { return k.cmd != nil }, k.log.String},
		"clickhouse-server": {e.start, func(*testing.T) { e.end(syscall.SIGKILL) }, func() bool { return e.cmd != nil }, e.log.String},
	}
	o.variables = map[string]string{"ADMIN_SOCKET": filepath.Join(filepath.Dir(k.socket), "admin.sock")}
	o.desk(t, address)
	return o
}

// operateUp starts one zgoda up, whose children are no units.
func operateUp(t *testing.T, more string) *operated {
	t.Helper()
	address, dir := freeAddress(t), t.TempDir()
	o := &operated{config: filepath.Join(dir, "zgoda.yaml")}
	o.stack = &stack{data: filepath.Join(dir, "data"), log: &logFile{}}
	o.configure(t, "keyholder: {metrics: \""+address+"\"}\n"+more)
	o.command = []string{"up", "--config", o.config, "--data", o.data, "--console", freeAddress(t), "--ops", freeAddress(t)}
	o.run(t)
	o.units = map[string]unit{"zgoda": o.gateway()}
	o.variables = map[string]string{"ADMIN_SOCKET": filepath.Join(o.data, "run", "admin.sock")}
	o.desk(t, address)
	return o
}

// operatedSite is the site of a configuration that names none.
const operatedSite = `
sites:
  - id: demo
    keys: {public: [demo-key], secret_file: demo.secret}
    controller: {name: Shop s.r.o., establishment: SK}
    properties: {keep: [sku]}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}
      - {id: marketing, kind: marketing, basis: consent, retention: 13mo, text: {en: "Offers?"}}
`

// operatedSecret is the secret key of that site.
const operatedSecret = "secret-of-the-site-that-is-operated"

// configure writes the configuration.
func (o *operated) configure(t *testing.T, text string) {
	t.Helper()
	if !strings.Contains(text, "\nsites:") {
		text += operatedSite
	}
	for path, content := range map[string]string{o.config: text, filepath.Join(filepath.Dir(o.config), "demo.secret"): operatedSecret + "\n"} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// gateway is the unit of zgoda itself. It keeps its addresses.
func (o *operated) gateway() unit {
	return unit{
		start: func(t *testing.T) { t.Helper(); o.start(t, host(t, o.public)) },
		stop:  func(t *testing.T) { t.Helper(); o.stop(t) },
		runs: func() bool {
			select {
			case <-o.ended:
				return false
			default:
				return true
			}
		},
		log: o.log.String,
	}
}

// desk starts what an operator has: a Prometheus that asks each second, the variables
// of docs/runbooks/README.md, and systemctl, journalctl and clickhouse-client. Where
// the tests run there is neither systemd nor a client: these three know what the pages
// use of them and nothing else; the test starts and stops what is named, and asks the
// server.
func (o *operated) desk(t *testing.T, keyholderMetrics string) {
	t.Helper()
	o.folder, o.tools, o.asked = t.TempDir(), t.TempDir(), make(chan order)
	server := httptest.NewServer(http.HandlerFunc(o.answer))
	t.Cleanup(server.Close)
	for name, script := range map[string]string{
		"systemctl":         `[ $# = 2 ] || { echo "systemctl ACT UNIT" >&2; exit 2; }; exec curl -sS --fail-with-body --max-time 60 "` + server.URL + `/$1/$2"`,
		"clickhouse-client": `[ $# = 2 ] && [ "$1" = --query ] || { echo "clickhouse-client --query SQL" >&2; exit 2; }; printf %s "$2" | exec curl -sS --fail-with-body --data-binary @- "` + server.URL + `/sql/clickhouse-server"`,
		"journalctl":        `[ $# = 2 ] && [ "$1" = --unit ] || { echo "journalctl --unit UNIT" >&2; exit 2; }; exec curl -sS --fail-with-body "` + server.URL + `/log/$2"`,
	} {
		if err := os.WriteFile(filepath.Join(o.tools, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	o.prometheus = watch(t, keyholderMetrics, o.stack)
	maps.Copy(o.variables, map[string]string{
		"ZGODA_DATA": o.data, "ZGODA_SITE": "demo", "CONFIG": o.config, "ZGODA_CONFIG": o.config, "PUBLIC": o.public, "OPS": o.ops,
		"KEYHOLDER_METRICS": "http://" + keyholderMetrics, "PROMETHEUS": o.prometheus.URL(),
	})
	eventually(t, 30*time.Second, "all processes scraped", func() bool {
		up, err := o.prometheus.Up(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return len(up) == 2 && up["zgoda"]+up["zgoda-keyholder"] == ""
	})
}

// answer serves systemctl and journalctl.
func (o *operated) answer(w http.ResponseWriter, r *http.Request) {
	act, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	u, known := o.units[name]
	switch {
	case !known:
		http.Error(w, "Unit "+name+".service could not be found.", http.StatusNotFound)
	case act == "log":
		_, _ = fmt.Fprint(w, u.log())
	case act == "sql":
		o.query(w, r)
	case slices.Contains([]string{"start", "stop", "restart"}, act):
		done := order{act, name, make(chan string, 1)}
		select {
		case o.asked <- done:
		case <-r.Context().Done():
			return
		}
		if wrong := <-done.done; wrong != "" {
			http.Error(w, wrong, http.StatusInternalServerError)
		}
	default:
		http.Error(w, "Unknown command verb "+act+".", http.StatusNotFound)
	}
}

// carryOut does what systemctl was asked for, on the test's own goroutine.
func (o *operated) carryOut(t *testing.T, asked order) {
	t.Helper()
	wrong := "the test failed"
	defer func() { asked.done <- wrong }()
	u := o.units[asked.unit]
	if asked.act != "start" {
		u.stop(t)
	}
	if asked.act != "stop" && !u.runs() {
		u.start(t)
	}
	wrong = ""
}

// types runs commands as an operator would and returns all that they print.
func (o *operated) types(t *testing.T, commands string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 90*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, "sh", "-euc", commands)
	cmd.Dir, cmd.WaitDelay = o.folder, time.Second
	cmd.Env = append(os.Environ(), "PATH="+o.tools+":"+bin+":"+os.Getenv("PATH"))
	for name, value := range o.variables {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	printed := &logFile{}
	cmd.Stdout, cmd.Stderr = printed, printed
	if err := cmd.Start(); err != nil {
		return "", fmt.Errorf("start the shell: %w", err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case asked := <-o.asked:
			o.carryOut(t, asked)
		case err := <-ended:
			return printed.String(), err
		}
	}
}

// busy starts a load whose events are not those of an earlier one.
func (o *operated) busy(t *testing.T, m mix) *load {
	t.Helper()
	o.loads++
	m.first, m.secret = 100*o.loads, operatedSecret
	return startLoad(t, host(t, o.public), m)
}

// active says whether Prometheus has the alert as pending or firing.
func (o *operated) active(t *testing.T, alert string) bool {
	t.Helper()
	all, err := o.prometheus.Alerts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return slices.ContainsFunc(all, func(f prometheus.Firing) bool { return f.Name == alert })
}
