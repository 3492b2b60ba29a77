//go:build race

package apptest

import (
	"context"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// raceTime is how long TestRaceOverTheWholePath runs its load: half a minute, or
// the duration in ZGODA_RACE_TIME.
func raceTime(t *testing.T) time.Duration {
	t.Helper()
	return lasting(t, "ZGODA_RACE_TIME", 30*time.Second)
}

// TestRaceOverTheWholePath: the binaries, built with the race detector,
// under requests of every kind, commands and scrapes at once, while engine and
// keyholder are killed. No process reports a race.
func TestRaceOverTheWholePath(t *testing.T) {
	s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}, programs: buildWithDetector(t)}
	s.run(t)
	l := startLoad(t, host(t, s.public), mix{clients: 4, pause: 20 * time.Millisecond})
	counts, done := everythingAtOnce(t, s)
	for deadline := time.Now().Add(raceTime(t)); time.Now().Before(deadline); {
		for _, name := range []string{"zgoda-clickhouse", "zgoda-keyholder"} {
			pause(t, 3*time.Second)
			if pid := s.child(name); pid != 0 {
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	}
	eventually(t, time.Minute, "everything up again", func() bool {
		return s.child("zgoda-keyholder") != 0 && s.child("zgoda-clickhouse") != 0 && statusOf(s.ops+"/readyz") == http.StatusOK
	})
	eventually(t, 3*time.Minute, "a good answer of every kind", func() bool { return counts.least() > 0 })
	done()
	for _, kind := range slices.Sorted(maps.Keys(counts)) {
		t.Logf("%-10s %d good answers", kind, counts[kind].Load())
	}
	l.stop()
	s.exactlyOnce(t, l, 2*time.Minute)
	s.stop(t)
	if log := s.log.String(); strings.Contains(log, "DATA RACE") {
		t.Errorf("a race: %s", log[strings.Index(log, "DATA RACE"):])
	}
}

// buildWithDetector builds the binaries with the race detector.
func buildWithDetector(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	build := exec.Command("go", "build", "-race", "-o", dir+"/", "../cmd/...")
	build.Env = append(os.Environ(), "CGO_ENABLED=1")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build with the race detector: %v\n%s", err, out)
	}
	return dir
}

// answered counts the good answers of each kind of request and command.
type answered map[string]*atomic.Int64

func (a answered) least() int64 {
	least := int64(math.MaxInt64)
	for _, count := range a {
		least = min(least, count.Load())
	}
	return least
}

// everythingAtOnce sends what startLoad does not until it is told to end.
func everythingAtOnce(t *testing.T, s *stack) (counts answered, done func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	counts = answered{}
	repeat := func(kind string, act func(n int) bool) {
		count := new(atomic.Int64)
		counts[kind] = count
		wg.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				if act(n) {
					count.Add(1)
				}
				rest(ctx, 30*time.Millisecond)
			}
		})
	}
	for kind, act := range visits(t, s) {
		repeat(kind, act)
	}
	all := commands()
	for _, c := range all {
		counts[c.kind] = new(atomic.Int64)
	}
	wg.Go(func() {
		for n := 0; ctx.Err() == nil; n++ {
			c := all[n%len(all)]
			if _, errs, code := s.zgoda(t, c.stdin, append(c.args(n/len(all)), "--data", s.data)...); code == 0 {
				counts[c.kind].Add(1)
			} else {
				t.Logf("%s while processes are killed: exit %d: %s", c.kind, code, errs)
				if strings.Contains(errs, "DATA RACE") {
					t.Errorf("a race in %s", c.kind)
				}
			}
		}
	})
	done = func() { cancel(); wg.Wait() }
	t.Cleanup(done)
	return counts, done
}

// visits are requests of browsers and of those who watch.
func visits(t *testing.T, s *stack) map[string]func(n int) bool {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Jar: jar, Timeout: 10 * time.Second}
	ask := func(method, address, body string) bool {
		req, err := http.NewRequest(method, address, strings.NewReader(body))
		if err != nil {
			return false
		}
		req.Header.Set("Origin", s.public)
		req.Header.Set("Content-Type", "text/plain")
		resp, err := client.Do(req)
		if err != nil {
			return false
		}
		defer resp.Body.Close()
		_, _ = io.Copy(io.Discard, resp.Body)
		return resp.StatusCode/100 == 2
	}
	get := func(address string) func(int) bool {
		return func(int) bool { return ask(http.MethodGet, address, "") }
	}
	return map[string]func(n int) bool{
		"pixel":   get(s.public + "/p.gif?k=demo-key&t=page&n=open"),
		"snippet": get(s.public + "/z.js"),
		"shop":    get(s.public + "/demo/"),
		"state":   get(s.public + "/consent?key=demo-key"),
		"metrics": get(s.ops + "/metrics"),
		"ready":   get(s.ops + "/readyz"),
		"choices": func(n int) bool {
			return ask(http.MethodPost, s.public+"/consent", fmt.Sprintf(`{"key":"demo-key","choices":{"analytics":%v,"profiling":%v},"version":"1","locale":"en","surface":"dialogue"}`, n%3 != 0, n%2 == 0))
		},
		"beacon": func(n int) bool {
			return ask(http.MethodPost, s.public+"/e", fmt.Sprintf(`{"key":"demo-key","events":[{"type":"track","name":"Race %d"},{"type":"page"}]}`, n))
		},
		"page": func(n int) bool {
			return ask(http.MethodPost, s.public+"/v1/page", fmt.Sprintf(`{"writeKey":"demo-key","type":"page","anonymousId":"race-%d",%s}`, n%7, grantAll))
		},
	}
}

// command is one of an operator's.
type command struct {
	kind, stdin string
	args        func(n int) []string
}

// commands are about contacts that the load does not have.
func commands() []command {
	contact := func(verb ...string) func(n int) []string {
		return func(n int) []string {
			return slices.Concat([]string{"contact"}, verb, []string{"--site", "demo", "--identifier", fmt.Sprintf("user_id:race-%d", n%3)})
		}
	}
	plain := func(args ...string) func(int) []string { return func(int) []string { return slices.Clone(args) } }
	raw := "POST /v1/track HTTP/1.1\r\nHost: shop.example\r\nContent-Type: application/json\r\n\r\n" + `{"userId":"race-1","event":"x"}`
	return []command{
		{"grant", "", contact("grant", "--purpose", "analytics", "--reason", "asked")},
		{"show", "", contact("show")},
		{"switch off", "", contact("profiling", "off", "--reason", "asked")},
		{"sql", "", plain("sql", "SELECT count() FROM events")},
		{"withdraw", "", contact("withdraw", "--purpose", "analytics", "--reason", "asked")},
		{"switch on", "", contact("profiling", "on", "--reason", "asked")},
		{"explain", raw, plain("explain", "--site", "demo", "-")},
		{"tokens", "", plain("token", "list")},
	}
}
