package apptest

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestWrongInputs: each wrong input gets the right code and a problem that
// names the field and repeats no content; the process stays alive.
func TestWrongInputs(t *testing.T) {
	s := up(t)
	const canary = "Canary4711"
	deep := strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000)
	long := strings.Repeat("x", 40<<10)
	auth := secretKey
	for _, c := range []struct {
		name, method, path, body string
		headers                  map[string]string
		status                   int
	}{
		{"empty body", "POST", "/v1/track", "", auth, 400},
		{"not JSON", "POST", "/v1/track", canary, auth, 400},
		{"cut short", "POST", "/v1/track", `{"userId":"` + canary, auth, 400},
		{"an array", "POST", "/v1/track", `["` + canary + `"]`, auth, 400},
		{"10 MB", "POST", "/v1/track", `{"userId":"` + strings.Repeat(canary, 1<<20), auth, 413},
		{"an event over 32 KiB", "POST", "/v1/track", `{"userId":"u","event":"x","properties":{"` + canary + `":"` + long + `"}}`, auth, 400},
		{"deep nesting", "POST", "/v1/track", `{"userId":"u","event":"x","properties":` + deep + `}`, auth, 400},
		{"invalid UTF-8", "POST", "/v1/track", "{\"userId\":\"u\",\"event\":\"" + canary + "\xff\xfe\"}", auth, 400},
		{"NUL in a name", "POST", "/v1/track", `{"userId":"u","event":"` + canary + `\u0000"}`, auth, 400},
		{"duplicate keys", "POST", "/v1/track", `{"userId":"u","userId":"` + canary + `","event":"x"}`, auth, 400},
		{"userId of the wrong type", "POST", "/v1/track", `{"userId":{"` + canary + `":1},"event":"x"}`, auth, 400},
		{"timestamp that is none", "POST", "/v1/track", `{"userId":"u","event":"x","timestamp":"` + canary + `"}`, auth, 400},
		{"timestamp out of range", "POST", "/v1/track", `{"userId":"u","event":"x","timestamp":"99999-01-01T00:00:00Z"}`, auth, 400},
		{"messageId of 100", "POST", "/v1/track", `{"userId":"u","event":"x","messageId":"` + strings.Repeat("m", 100) + `"}`, auth, 400},
		{"nobody", "POST", "/v1/track", `{"event":"` + canary + `"}`, auth, 400},
		{"no event name", "POST", "/v1/track", `{"userId":"u"}`, auth, 400},
		{"no key", "POST", "/v1/track", `{"userId":"` + canary + `","event":"x"}`, nil, 401},
		{"unknown key", "POST", "/v1/track", `{"writeKey":"` + canary + `","userId":"u","event":"x"}`, nil, 401},
		{"wrong origin", "POST", "/v1/track", `{"writeKey":"demo-key","anonymousId":"` + canary + `","event":"x"}`, map[string]string{"Origin": "https://" + strings.ToLower(canary) + ".example"}, 403},
		{"null origin", "POST", "/v1/track", `{"writeKey":"demo-key","anonymousId":"a","event":"x"}`, map[string]string{"Origin": "null"}, 403},
		{"wrong method", "GET", "/v1/track", "", auth, 405},
		{"unknown route", "POST", "/v1/" + canary, `{}`, auth, 404},
		{"batch that is no list", "POST", "/v1/batch", `{"batch":{"` + canary + `":1}}`, auth, 400},
		{"batch without items", "POST", "/v1/batch", `{"batch":[]}`, auth, 400},
		{"nested encodings", "POST", "/v1/track", canary, merge(auth, "Content-Encoding", "gzip, gzip"), 415},
		{"gzip that is none", "POST", "/v1/track", canary, merge(auth, "Content-Encoding", "gzip"), 400},
		{"consent without a key", "POST", "/consent", `{"choices":{"` + canary + `":true}}`, map[string]string{"Origin": s.public}, 400},
		{"consent to an unknown purpose", "POST", "/consent", `{"key":"demo-key","choices":{"` + canary + `":true},"version":"1"}`, map[string]string{"Origin": s.public}, 400},
		{"consent from elsewhere", "POST", "/consent", `{"key":"demo-key","choices":{"analytics":true},"version":"1"}`, map[string]string{"Origin": "https://evil.example"}, 403},
	} {
		t.Run(c.name, func(t *testing.T) {
			resp, text := send(t, c.method, s.public+c.path, c.body, c.headers)
			if resp.StatusCode != c.status {
				t.Errorf("%d, want %d: %s", resp.StatusCode, c.status, tail(text, 300))
			}
			if strings.Contains(strings.ToLower(text+fmt.Sprint(resp.Header)), strings.ToLower(canary)) {
				t.Errorf("the answer repeats content: %s", tail(text, 300))
			}
			if resp.StatusCode >= 400 {
				problem(t, resp, text)
			}
		})
	}
	if statusOf(s.public+"/.well-known/gpc.json") != http.StatusOK {
		t.Error("the gateway is not alive any more")
	}
	if strings.Contains(s.log.String(), canary) {
		t.Error("the log repeats content")
	}
	s.settled(t, 10*time.Second)
}

func merge(m map[string]string, key, value string) map[string]string {
	out := map[string]string{key: value}
	maps.Copy(out, m)
	return out
}

// problem checks RFC 9457.
func problem(t *testing.T, resp *http.Response, text string) {
	t.Helper()
	if ct := resp.Header.Get("Content-Type"); ct != "application/problem+json" {
		t.Errorf("Content-Type %q", ct)
	}
	var p struct {
		Title  string
		Status int
	}
	if err := json.Unmarshal([]byte(text), &p); err != nil || p.Title == "" || p.Status != resp.StatusCode {
		t.Errorf("not a problem of RFC 9457: %s", tail(text, 300))
	}
}

// TestBatchKeepsTheGood: a bad item does not sink the good ones, and ?strict=1
// lists it.
func TestBatchKeepsTheGood(t *testing.T) {
	s := up(t)
	resp, text := post(t, s.public+"/v1/batch?strict=1", `{"batch":[
		{"type":"track","userId":"u","event":"good","messageId":"good-1"},
		{"type":"track","event":"nobody"},
		{"type":"nonsense","userId":"u"},
		{"type":"track","userId":"u","event":"good","messageId":"good-2"}]}`, secretKey)
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, `"index":1`) || !strings.Contains(text, `"index":2`) || strings.Contains(text, `"index":0`) {
		t.Errorf("%d %s", resp.StatusCode, text)
	}
	m := s.settled(t, 30*time.Second)
	if m["zgoda_events_stored_total"] != 2 || m[`zgoda_events_refused_total{reason="no_identity"}`] != 1 {
		t.Errorf("stored %v, refused for want of an identity %v", m["zgoda_events_stored_total"], m[`zgoda_events_refused_total{reason="no_identity"}`])
	}
}

// TestMessageIDStoredOncePerSite: the same messageId sent again, later and
// after a restart, is stored once.
func TestMessageIDStoredOncePerSite(t *testing.T) {
	s := up(t)
	body := `{"userId":"u","event":"once","messageId":"only-once"}`
	for range 3 {
		post(t, s.public+"/v1/track", body, secretKey)
	}
	s.settled(t, 30*time.Second)
	post(t, s.public+"/v1/track", body, secretKey)
	s.settled(t, 30*time.Second)
	s.stop(t)
	s.start(t, host(t, s.public))
	post(t, s.public+"/v1/track", body, secretKey)
	m := s.settled(t, 30*time.Second)
	if m["zgoda_events_duplicate_total"] != 1 {
		t.Errorf("duplicates after the restart: %v", m["zgoda_events_duplicate_total"])
	}
	if rows := s.rows(t, "SELECT count() FROM events WHERE message_id = 'only-once'"); rows[0][0] != "1" {
		t.Errorf("%s rows", rows[0][0])
	}
}
