package apptest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// steps prints a trouble step by step, each with what clients, readiness and
// metrics said at its end.
type steps struct {
	s     *stack
	l     *load
	begun time.Time
}

func stepping(s *stack, l *load) *steps { return &steps{s, l, time.Now()} }

// done prints a step that has come to its end.
func (p *steps) done(t *testing.T, what string) {
	t.Helper()
	m := p.s.metrics(t)
	balance(t, m)
	status, text := p.s.readiness(t)
	t.Logf("%6.1fs %s\n        clients: %s\n        readyz: %d %s\n        spool: %.1f of %.0f MiB, %v records wait, the disk refused %v; refused for spool_failed %v, for spool_full %v",
		time.Since(p.begun).Seconds(), what, p.l.told(), status, text,
		m["zgoda_spool_bytes"]/(1<<20), m["zgoda_spool_limit_bytes"]/(1<<20), m["zgoda_spool_waiting_records"], m["zgoda_spool_failures_total"],
		m[`zgoda_events_refused_total{reason="spool_failed"}`], m[`zgoda_events_refused_total{reason="spool_full"}`])
}

// more waits until so many more events have been answered 2xx.
func (p *steps) more(t *testing.T, events int64) {
	t.Helper()
	from := p.l.acked.Load()
	eventually(t, time.Minute, fmt.Sprintf("%d more events answered 2xx", events), func() bool { return p.l.acked.Load() >= from+events })
}

// refused waits until so many more requests have been answered 503.
func (p *steps) refused(t *testing.T, requests int64) {
	t.Helper()
	from := p.l.busy.Load()
	eventually(t, time.Minute, fmt.Sprintf("%d more requests answered 503", requests), func() bool { return p.l.busy.Load() >= from+requests })
}

// becomes waits until /readyz answers with the status and words.
func (p *steps) becomes(t *testing.T, want int, words string) {
	t.Helper()
	eventually(t, time.Minute, fmt.Sprintf("/readyz %d with %q", want, words), func() bool {
		status, text := p.s.readiness(t)
		return status == want && strings.Contains(text, words)
	})
}

// readiness is what /readyz says.
func (s *stack) readiness(t *testing.T) (status int, text string) {
	t.Helper()
	resp, err := http.Get(s.ops + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, strings.TrimSpace(string(body))
}
