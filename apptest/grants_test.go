package apptest

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"zgoda/mail/mailtest"
)

// TestImportOfConsents: ten thousand rows by the command, bad ones kept aside,
// and the same file again adds nothing.
func TestImportOfConsents(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", "")
	const rows, every = 10_000, 100
	var file strings.Builder
	file.WriteString("kind,identifier,purpose,version,state,time,channel,proof\n")
	for i := range rows {
		purpose := "analytics"
		if i%every == every-1 {
			purpose = "canary-purpose"
		}
		fmt.Fprintf(&file, "email,canary%d@person.example,%s,1,given,2026-01-31T12:00:00Z,paper,box %d\n", i, purpose, i/500)
	}
	path := filepath.Join(t.TempDir(), "consents.csv")
	if err := os.WriteFile(path, []byte(file.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	out, errs, code := s.zgoda(t, "", "contact", "import", "--data", s.data, "--site", "shop", path)
	took := time.Since(start)
	if code != 1 || !strings.Contains(out, "10000 rows read, 9900 in the ledger, 100 left out") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	t.Logf("%d rows in %v: %.0f a second", rows, took.Round(time.Millisecond), rows/took.Seconds())
	bad, err := os.ReadFile(path + ".bad.csv")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(bad)), "\n")
	if len(lines) != 101 || lines[0] != "line,field,reason" || !strings.HasPrefix(lines[1], "101,purpose,") || strings.Contains(string(bad), "canary") {
		t.Errorf("bad rows: %d lines, the first %q", len(lines), lines[min(1, len(lines)-1)])
	}
	if states := s.states(t, "email:canary7@person.example"); states != "given analytics" {
		t.Errorf("on record: %s", states)
	}
	if _, _, code := s.zgoda(t, "", "contact", "withdraw", "--data", s.data, "--site", "shop", "--identifier", "email:canary7@person.example", "--purpose", "analytics"); code != 0 {
		t.Fatal("withdraw failed")
	}
	if out, errs, code := s.zgoda(t, "", "contact", "import", "--data", s.data, "--site", "shop", path); code != 1 || !strings.Contains(out, "9900 in the ledger") {
		t.Fatalf("again: exit %d: %s%s", code, out, errs)
	}
	if states := s.states(t, "email:canary7@person.example"); states != "given analytics, withdrawn analytics" {
		t.Errorf("the same file again: %s", states)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("a row is in a log")
	}
}

// TestGrantsExpire: a grant with an end in the past does not count, is noted as
// expired at the next start, is listed to be asked again, and is renewed when it
// is given again.
func TestGrantsExpire(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", ", renew_after: 12mo")
	file := "kind,identifier,purpose,version,state,time,channel,proof,until,country\n" +
		"user_id,old,analytics,1,given,2020-01-31T12:00:00Z,paper,box,,SK\n" +
		"user_id,new,analytics,1,given," + time.Now().UTC().AddDate(0, 0, -1).Format(time.RFC3339) + ",paper,box,,SK\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--data", s.data, "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	for user, want := range map[string]string{"old": "analytics=deny", "new": "analytics=allow; by=ledger"} {
		resp, text := post(t, s.public+"/v1/track", `{"userId":"`+user+`","event":"x"}`, headers)
		if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, want) {
			t.Errorf("%s: %q %s", user, got, text)
		}
	}
	s.stop(t)
	s.start(t, host(t, s.public))
	eventually(t, 20*time.Second, "the expired entry", func() bool {
		return s.states(t, "user_id:old") == "located, given analytics, expired analytics"
	})
	_, list := send(t, http.MethodGet, s.console+"/api/v1/sites/shop/renewals?days=10", "", s.local(t))
	if strings.Count(list, "\n") != 1 || !strings.Contains(list, `"expired":true`) {
		t.Errorf("to be asked again: %s", list)
	}
	if _, _, code := s.zgoda(t, "", "contact", "grant", "--data", s.data, "--site", "shop", "--identifier", "user_id:old", "--purpose", "analytics"); code != 0 {
		t.Fatal("grant failed")
	}
	if states := s.states(t, "user_id:old"); states != "located, given analytics, expired analytics, renewed analytics" {
		t.Errorf("given again: %s", states)
	}
	resp, _ := post(t, s.public+"/v1/track", `{"userId":"old","event":"x"}`, headers)
	if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, "analytics=allow; by=ledger") {
		t.Errorf("given again: %q", got)
	}
	_, list = send(t, http.MethodGet, s.console+"/api/v1/sites/shop/renewals?days=10", "", s.local(t))
	if list != "" {
		t.Errorf("to be asked again: %s", list)
	}
}

// TestANewVersionAsksAgain: a grant of an older version of a purpose does not
// count, and one of the new version does.
func TestANewVersionAsksAgain(t *testing.T) {
	post1 := mailtest.Start(t, mailtest.Options{})
	s := shop(t, post1, "SK", ", version: 2")
	file := "kind,identifier,purpose,version,text_hash,state,time,channel,proof,country\n" +
		"user_id,v1,analytics,1," + strings.Repeat("ab", 32) + ",given,2026-01-31T12:00:00Z,paper,box,SK\n" +
		"user_id,v2,analytics,2,,given,2026-01-31T12:00:00Z,paper,box,SK\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--data", s.data, "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	for user, want := range map[string]string{"v1": "analytics=deny", "v2": "analytics=allow; by=ledger"} {
		resp, _ := post(t, s.public+"/v1/track", `{"userId":"`+user+`","event":"x"}`, headers)
		if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, want) {
			t.Errorf("%s: %q", user, got)
		}
	}
}
