package apptest

import (
	"database/sql"
	"fmt"
	"net/http"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	_ "modernc.org/sqlite" // to lock the control store from outside
)

// TestI2RefusalHolds: 64 writers send events of one contact while profiling is
// switched off by the command; no event sent after its answer is stored with
// the profiling pseudonym.
func TestI2RefusalHolds(t *testing.T) {
	s := up(t)
	post(t, s.public+"/v1/identify", `{"userId":"i2","anonymousId":"i2-browser",`+grantAll+`}`, secretKey)
	var off atomic.Bool
	var wg sync.WaitGroup
	stop := make(chan struct{})
	var sent [2]atomic.Int64
	for w := range 64 {
		wg.Go(func() {
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				phase, name := 0, "before"
				if off.Load() { // read before the event is sent
					phase, name = 1, "after"
				}
				resp, err := http.DefaultClient.Do(request(s, fmt.Sprintf(`{"userId":"i2","anonymousId":"i2-browser","event":%q,"messageId":"i2-%d-%d",%s}`, name, w, n, grantAll)))
				if err != nil {
					continue
				}
				_ = resp.Body.Close()
				if resp.StatusCode == http.StatusOK {
					sent[phase].Add(1)
				}
			}
		})
	}
	eventually(t, 20*time.Second, "events of the contact in ClickHouse", func() bool {
		return sent[0].Load() > 500 && s.rows(t, "SELECT countIf(scope='person') FROM events")[0][0] != "0"
	})
	out, errs, code := s.zgoda(t, "", "contact", "profiling", "off", "--data", s.data, "--site", "demo", "--identifier", "user_id:i2", "--reason", "asked by the person")
	off.Store(true)
	if code != 0 {
		t.Fatalf("profiling off: %s", errs)
	}
	t.Logf("%s", strings.TrimSpace(out))
	eventually(t, 20*time.Second, "events after the switch", func() bool { return sent[1].Load() > 500 })
	close(stop)
	wg.Wait()
	s.settled(t, 30*time.Second)

	rows := s.rows(t, "SELECT countIf(name='before' AND scope='person'), countIf(name='after'), countIf(name='after' AND scope='person') FROM events")
	t.Logf("stored before with the profiling pseudonym %s, after %s, after with it %s", rows[0][0], rows[0][1], rows[0][2])
	if rows[0][0] == "0" || rows[0][1] == "0" {
		t.Error("nothing to be seen: no profiled row before or no row after")
	}
	if rows[0][2] != "0" {
		t.Errorf("I2 broken: %s rows with the profiling pseudonym after the switch", rows[0][2])
	}
	// The linked visitor, logged out, is reached too.
	resp, _ := post(t, s.public+"/v1/track", `{"anonymousId":"i2-browser","event":"logged out",`+grantAll+`}`, secretKey)
	if d := resp.Header.Get("X-Consent-Decision"); !strings.Contains(d, "profiling=deny; by=switch") {
		t.Errorf("the linked visitor's decision: %q", d)
	}
	// On lifts the flag and grants nothing.
	s.zgoda(t, "", "contact", "profiling", "on", "--data", s.data, "--site", "demo", "--identifier", "user_id:i2", "--reason", "asked")
	resp, _ = post(t, s.public+"/v1/track", `{"userId":"i2","event":"on again"}`, secretKey)
	if d := resp.Header.Get("X-Consent-Decision"); !strings.Contains(d, "profiling=deny") {
		t.Errorf("switched on again without a grant: %q", d)
	}
}

func request(s *stack, body string) *http.Request {
	req, err := http.NewRequest(http.MethodPost, s.public+"/v1/track", strings.NewReader(body))
	if err != nil {
		return nil
	}
	for k, v := range secretKey {
		req.Header.Set(k, v)
	}
	return req
}

// TestI3FailClosed: a keyholder that does not answer, a control store that is
// locked and signals that cannot be read never grant.
func TestI3FailClosed(t *testing.T) {
	s := up(t)
	t.Run("unreadable signals", func(t *testing.T) {
		for i, broken := range []string{
			`{"categoryPreferences":{"profiling":"yes"}}`, `{"categoryPreferences":[true]}`, `{"categoryPreferences":{"profiling":1,"analytics":true}}`, `{"categoryPreferences":null}`, `"all"`,
		} {
			resp, text := post(t, s.public+"/v1/track", fmt.Sprintf(`{"userId":"i3","event":"x","messageId":"i3-%d","context":{"consent":%s}}`, i, broken), secretKey)
			if d := resp.Header.Get("X-Consent-Decision"); resp.StatusCode != http.StatusOK || strings.Contains(d, "profiling=allow") || strings.Contains(d, "analytics=allow") {
				t.Errorf("%s: %d %q %s", broken, resp.StatusCode, d, text)
			}
		}
	})
	t.Run("keyholder killed", func(t *testing.T) {
		pid := s.child("zgoda-keyholder")
		if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil { // alive, and silent
			t.Fatal(err)
		}
		resp, text := post(t, s.public+"/v1/track", `{"userId":"i3-new","event":"x","messageId":"silent-i3",`+grantAll+`}`, secretKey)
		if d := resp.Header.Get("X-Consent-Decision"); resp.StatusCode != http.StatusOK || strings.Contains(d, "=allow") {
			t.Errorf("keyholder silent: %d %q: %s", resp.StatusCode, d, text)
		}
		if rows := s.rows(t, "SELECT count() FROM events WHERE message_id = 'silent-i3'"); rows[0][0] != "0" {
			t.Error("an event was stored that nobody can have decided")
		}
		_ = syscall.Kill(pid, syscall.SIGKILL)
		eventually(t, 20*time.Second, "the keyholder back", func() bool {
			resp, _ := post(t, s.public+"/v1/track", `{"userId":"i3-new","event":"x",`+grantAll+`}`, secretKey)
			return resp.StatusCode == http.StatusOK
		})
		eventually(t, 30*time.Second, "the event that waited", func() bool {
			return s.rows(t, "SELECT count() FROM events WHERE message_id = 'silent-i3' AND scope = 'person'")[0][0] == "1"
		})
	})
	t.Run("control store locked", func(t *testing.T) {
		paths, _ := filepath.Glob(filepath.Join(s.data, "control", "*.db"))
		if len(paths) != 1 {
			t.Fatalf("control stores: %d", len(paths))
		}
		db, err := sql.Open("sqlite", paths[0])
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		if _, err := db.ExecContext(t.Context(), "BEGIN IMMEDIATE"); err != nil {
			t.Fatal(err)
		}
		_, errs, code := s.zgoda(t, "", "contact", "profiling", "off", "--data", s.data, "--site", "demo", "--identifier", "user_id:i3", "--reason", "r")
		if code != 1 || errs == "" {
			t.Errorf("a switch that could not be written was answered with %d %q", code, errs)
		}
		resp, text := post(t, s.public+"/v1/identify", `{"userId":"i3","anonymousId":"i3-locked","messageId":"i3-locked",`+grantAll+`}`, secretKey)
		if resp.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("a link that could not be written: %d %s", resp.StatusCode, text)
		}
	})
	s.settled(t, 30*time.Second)
	if rows := s.rows(t, "SELECT count() FROM events WHERE scope != 'none' AND startsWith(message_id, 'i3-')"); rows[0][0] != "0" {
		t.Errorf("I3 broken: %s rows carry a pseudonym", rows[0][0])
	}
}

// TestExplainNamesGPC: zgoda explain says in words that GPC refused profiling,
// and stores nothing.
func TestExplainNamesGPC(t *testing.T) {
	s := up(t)
	raw := "POST /v1/track HTTP/1.1\r\nHost: gateway.example\r\nSec-GPC: 1\r\nContent-Type: application/json\r\n\r\n" +
		`{"userId":"u","event":"x",` + grantAll + `}`
	out, errs, code := s.zgoda(t, raw, "explain", "--data", s.data, "--site", "demo", "-")
	if code != 0 {
		t.Fatalf("explain ended with %d: %s", code, errs)
	}
	t.Logf("%s", out)
	if !regexp.MustCompile(`(?i)profiling[^\n]*(deny|denied|refused)[^\n]*gpc`).MatchString(out) {
		t.Errorf("no word that GPC refused profiling:\n%s", out)
	}
	resp, text := post(t, s.public+"/v1/explain", `{"type":"track","userId":"u","event":"x",`+grantAll+`}`, merge(secretKey, "Sec-GPC", "1"))
	if resp.StatusCode != http.StatusOK || !strings.Contains(text, "gpc") {
		t.Errorf("/v1/explain: %d %s", resp.StatusCode, text)
	}
	m := s.settled(t, 10*time.Second)
	if m["zgoda_events_received_total"] != 0 || m["zgoda_events_stored_total"] != 0 {
		t.Error("explaining stored something")
	}
}
