package apptest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// nextPolicy lets GPC reach analytics, and reads the category Advertising.
const nextPolicy = `
sites:
  - id: demo
    keys: {public: [demo-next-key]}
    controller: {name: Quiet Desk Ltd., establishment: SK}
    purposes:
      - {id: measurement, kind: measurement, basis: legitimate_interest, terminal_access: none, retention: 25mo}
      - {id: analytics, kind: analytics, basis: consent, retention: 13mo, text: {en: "May we?"}}
      - {id: profiling, kind: profiling, basis: consent, retention: 13mo, text: {en: "Who?"}}
      - {id: marketing, kind: marketing, basis: consent, retention: 13mo, text: {en: "Offers?"}}
    signals: {gpc: {analytics: refuse}}
    categories: {Advertising: marketing}
`

// TestCandidateChangesNothing: a candidate policy runs beside the live one on
// real requests. What is stored and answered is the live policy's; how many
// decisions would differ, and why, is in the metrics and in the command's words.
func TestCandidateChangesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "next.yaml")
	if err := os.WriteFile(file, []byte(nextPolicy), 0o600); err != nil {
		t.Fatal(err)
	}
	s := up(t, "--candidate", file)
	const consents = `"context":{"consent":{"categoryPreferences":{"analytics":true,"Advertising":true}}}`
	for n := range 6 {
		headers := map[string]string{"Origin": "http://localhost:8080", "Authorization": "Basic ZGVtby1rZXk6"}
		if n < 4 {
			headers["Sec-GPC"] = "1"
		}
		resp, _ := post(t, s.public+"/v1/track", fmt.Sprintf(`{"anonymousId":"candidate-%d","event":"Seen","messageId":"candidate-%d",%s}`, n, n, consents), headers)
		if told := resp.Header.Get("X-Consent-Decision"); resp.StatusCode != 200 || !strings.Contains(told, "analytics=allow; by=segment") {
			t.Errorf("answered %d, %s", resp.StatusCode, told)
		}
	}
	eventually(t, 20*time.Second, "six rows", func() bool { return s.rows(t, "SELECT count() FROM events WHERE name='Seen'")[0][0] == "6" })
	if got := s.rows(t, "SELECT uniqExact(scope), any(scope), uniqExact(policy_version) FROM events WHERE name='Seen'")[0]; got[0] != "1" || got[1] != "period" || got[2] != "1" {
		t.Errorf("stored by more than the live policy: %v", got)
	}
	m := s.metrics(t)
	if m[`zgoda_dryrun_events_total{site="demo"}`] != 6 || m[`zgoda_dryrun_events_differ_total{site="demo"}`] != 6 ||
		m[`zgoda_dryrun_decisions_total{candidate="deny",candidate_by="gpc",live="allow",live_by="segment",purpose="analytics",site="demo"}`] != 4 ||
		m[`zgoda_dryrun_decisions_total{candidate="allow",candidate_by="segment",live="deny",live_by="default",purpose="marketing",site="demo"}`] != 2 {
		t.Errorf("metrics: %v", dryRunMetrics(m))
	}
	out, errs, code := s.zgoda(t, "", "dryrun", "--data", s.data, "--site", "demo")
	for _, want := range []string{
		"Of 6 events the candidate would decide 6 otherwise.",
		"Stored now: period, with the candidate: none: 4 events",
		"* 4: Now allowed, since a Segment consent category grants it; with the candidate denied, since the browser sends Global Privacy Control.",
	} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("no %q in %s%s", want, out, errs)
		}
	}
	out, errs, code = s.zgoda(t, "candidate-1\n", "drops", "--data", s.data, "--site", "demo", "--message-id", "-")
	if code != 0 || !strings.Contains(out, "stored in scope period") || !strings.Contains(out, "profiling: deny by gpc") || strings.Contains(out, "candidate-1") {
		t.Errorf("drops: %s%s", out, errs)
	}
	if strings.Contains(s.log.String(), "candidate-1") {
		t.Error("a messageId is in the log")
	}
}

func dryRunMetrics(m map[string]float64) (lines []string) {
	for name, v := range m {
		if strings.HasPrefix(name, "zgoda_dryrun_") {
			lines = append(lines, fmt.Sprint(name, " ", v))
		}
	}
	return lines
}

// A candidate that cannot run ends the start, with the key and the reason.
func TestCandidateThatCannotRun(t *testing.T) {
	s := &stack{data: filepath.Join(t.TempDir(), "data"), log: &logFile{}}
	for text, want := range map[string]string{
		strings.Replace(nextPolicy, "basis: consent", "basis: whim", 1):  `candidate: .*sites\[0\]\.purposes\[1\]\.basis: must be`,
		strings.Replace(nextPolicy, "id: demo", "id: another", 1):        `candidate: there is no site another`,
		strings.Replace(nextPolicy, "id: profiling", "id: personal", 1):  `purpose profiling has bit 2 now, and personal has bit 2`,
		strings.Replace(nextPolicy, "signals: {gpc", "signals: {gpx", 1): `sites\[0\]\.signals\.gpx: must be gpc`,
	} {
		file := filepath.Join(t.TempDir(), "next.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, errs, code := s.zgoda(t, "", "up", "--demo", "--data", s.data, "--public", "127.0.0.1:0", "--console", "127.0.0.1:0", "--ops", "127.0.0.1:0", "--candidate", file)
		if code != 1 || !regexp.MustCompile(want).MatchString(errs) {
			t.Errorf("exit code %d, want %q in %s", code, want, errs)
		}
	}
}
