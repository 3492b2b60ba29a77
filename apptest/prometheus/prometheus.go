package prometheus

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Target is an address that is scraped, HOST:PORT, under the name of a job.
type Target struct{ Job, Address string }

// Config is what a server does.
type Config struct {
	Targets             []Target
	Rules               []string      // paths of files
	Consoles, Libraries string        // folders; empty: none
	Every               time.Duration // between scrapes and between evaluations; 0: a second
	Native              bool          // keep the native form of histograms, and that alone
}

// Server is a running Prometheus.
type Server struct {
	url string
	log *printed
}

// printed is what the process prints.
type printed struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (p *printed) Write(b []byte) (int, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.Write(b)
}

func (p *printed) String() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.text.String()
}

// Path returns the path of Prometheus.
func Path() (string, error) {
	path, err := exec.LookPath("prometheus")
	if err != nil {
		return "", errors.New("no Prometheus is installed (apt-get install --no-install-recommends prometheus)")
	}
	return path, nil
}

// Start starts a server that ends with the test, and waits until it is ready.
func Start(tb testing.TB, c Config) *Server {
	tb.Helper()
	path, err := Path()
	if err != nil {
		tb.Fatal(err)
	}
	folder := tb.TempDir()
	config := filepath.Join(folder, "prometheus.yml")
	if err := os.WriteFile(config, []byte(c.yaml()), 0o600); err != nil {
		tb.Fatal(err)
	}
	for range 5 { // somebody else may take the port between our asking for it and its use
		if s := try(tb, path, c.flags(config, filepath.Join(folder, "tsdb"))); s != nil {
			return s
		}
	}
	tb.Fatal("Prometheus got no port")
	return nil
}

// yaml is the server's configuration, in the JSON that YAML reads too.
func (c Config) yaml() string {
	every := max(c.Every, 0)
	if every == 0 {
		every = time.Second
	}
	var out strings.Builder
	fmt.Fprintf(&out, "global: {scrape_interval: %[1]dms, scrape_timeout: %[1]dms, evaluation_interval: %[1]dms}\nrule_files: [", every.Milliseconds())
	for i, path := range c.Rules {
		if i > 0 {
			out.WriteString(", ")
		}
		fmt.Fprintf(&out, "%q", path)
	}
	out.WriteString("]\nscrape_configs:\n")
	jobs := map[string][]string{}
	var order []string
	for _, t := range c.Targets {
		if jobs[t.Job] == nil {
			order = append(order, t.Job)
		}
		jobs[t.Job] = append(jobs[t.Job], fmt.Sprintf("%q", t.Address))
	}
	for _, job := range order {
		fmt.Fprintf(&out, "- {job_name: %q, static_configs: [{targets: [%s]}]}\n", job, strings.Join(jobs[job], ", "))
	}
	return out.String()
}

func (c Config) flags(config, data string) []string {
	flags := []string{
		"--config.file=" + config, "--storage.tsdb.path=" + data, "--storage.tsdb.retention.time=1h", "--log.level=warn",
	}
	if c.Consoles != "" {
		flags = append(flags, "--web.console.templates="+c.Consoles, "--web.console.libraries="+c.Libraries)
	}
	if c.Native {
		flags = append(flags, "--enable-feature=native-histograms")
	}
	return flags
}

// try returns nil when the port was taken meanwhile.
func try(tb testing.TB, path string, flags []string) *Server {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	address := l.Addr().String()
	_ = l.Close()
	s := &Server{url: "http://" + address, log: &printed{}}
	cmd := exec.Command(path, append(flags, "--web.listen-address="+address)...)
	cmd.Stdout, cmd.Stderr = s.log, s.log
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	tb.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		select {
		case <-ended:
		case <-time.After(20 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		if tb.Failed() {
			tb.Logf("what Prometheus printed:\n%s", s.log)
		}
	})
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	late := time.After(time.Minute)
	for !s.ready() {
		select {
		case <-tick.C:
		case <-ended:
			if strings.Contains(s.log.String(), "address already in use") {
				return nil
			}
			tb.Fatalf("Prometheus ended:\n%s", s.log)
		case <-late:
			tb.Fatalf("Prometheus was not ready within a minute:\n%s", s.log)
		}
	}
	return s
}

func (s *Server) ready() bool {
	resp, err := http.Get(s.url + "/-/ready")
	if err != nil {
		return false
	}
	_ = resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// URL is the server's address, http://HOST:PORT.
func (s *Server) URL() string { return s.url }
