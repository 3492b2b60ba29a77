package apptest

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

// tcString returns a TC string of today that allows purposes 1 to 11 to the
// publisher, with an empty segment of disclosed vendors.
func tcString() string {
	const signs = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	core := []byte("CQf7GgAQf7GgAAKABBAABkFoAPGAAAIAAAAAAAAAAAAA")
	day := time.Now().UTC().Truncate(24*time.Hour).UnixMilli() / 100
	for field := range 2 { // created and last updated: 36 bits each, after the 6 of the version
		for sign := range 6 {
			core[1+6*field+sign] = signs[day>>(6*(5-sign))&63]
		}
	}
	for sign, bits := range map[int]int{25: 0b001111, 26: 0b111111, 27: 0b100000} { // purposes: 24 bits from 152 on
		core[sign] = signs[strings.IndexByte(signs, core[sign])|bits]
	}
	return string(core) + ".IAAA"
}

// TestExplainContradictions: TCF grants, Google's consent mode denies, GPC is
// there, and us_privacy cannot be read: the trace shows each, where it stood and
// how it was read, and refusal wins.
func TestExplainContradictions(t *testing.T) {
	s := up(t)
	const body = `{"type":"track","userId":"u","event":"x","context":{"consent":{"google":{"analytics_storage":"denied"},` +
		`"categoryPreferences":{"analytics":true,"profiling":true,"marketing":true}}}}`
	address := s.public + "/v1/explain?gdpr=0&gcs=G111&gcd=13r3r3r3r5&gdpr_consent=" + tcString()
	resp, text := post(t, address, body, merge(secretKey, "Sec-GPC", "1"))
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("%d %s", resp.StatusCode, text)
	}
	t.Logf("%s", text)
	var x struct {
		Events []struct {
			Decision struct {
				Signals  []struct{ Source, Reading, Carrier, Detail string }
				Purposes []struct {
					ID, Outcome, By string
					Inputs          []struct{ Source, Reading string }
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(text), &x); err != nil || len(x.Events) != 1 {
		t.Fatal(err)
	}
	d := x.Events[0].Decision
	seen := map[string]bool{}
	for _, g := range d.Signals {
		seen[strings.Join([]string{g.Source, g.Reading, g.Carrier, g.Detail}, " ")] = true
	}
	for _, want := range []string{"gpc present  ", "tcf read query core", "google read query ", "google read body ", "segment read body "} {
		if !seen[want] && !seen[strings.Replace(want, "gpc present  ", "gpc present header ", 1)] {
			t.Errorf("no signal %q in %v", want, seen)
		}
	}
	outcomes := map[string]string{"analytics": "deny google", "profiling": "deny gpc", "marketing": "deny gpc", "measurement": "allow basis"}
	for _, p := range d.Purposes {
		if got := p.Outcome + " " + p.By; got != outcomes[p.ID] {
			t.Errorf("%s: %s, want %s", p.ID, got, outcomes[p.ID])
		}
		said := map[string]bool{}
		for _, in := range p.Inputs {
			said[in.Source+" "+in.Reading] = true
		}
		if p.ID == "analytics" && (!said["google granted"] || !said["google refused"] || !said["segment granted"]) {
			t.Errorf("the readings of %s: %v", p.ID, said)
		}
	}
	if strings.Contains(text, tcString()) {
		t.Error("the trace repeats the TC string")
	}

	resp, text = post(t, s.public+"/v1/explain?us_privacy=canary", body, secretKey)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"source":"us-privacy","reading":"unreadable","carrier":"query","detail":"malformed"`) ||
		strings.Contains(text, "canary") {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
}
