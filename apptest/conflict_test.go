package apptest

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestI2RefusalHoldsAcrossIdentifiers: the support desk knows a mail only and
// switches profiling off for it, after the shop's servers have made a contact
// of the user id. Once an event names both, no event of either, nor of a browser
// of theirs, is profiled any more.
func TestI2RefusalHoldsAcrossIdentifiers(t *testing.T) {
	s := up(t)
	send := func(path, fields string) string {
		t.Helper()
		resp, text := post(t, s.public+path, "{"+fields+","+grantAll+"}", secretKey)
		if resp.StatusCode != http.StatusOK {
			t.Fatalf("%s: %d %s", path, resp.StatusCode, text)
		}
		return resp.Header.Get("X-Consent-Decision")
	}
	off := func(identifier string) {
		t.Helper()
		if _, errs, code := s.zgoda(t, "", "contact", "profiling", "off", "--data", s.data, "--site", "demo", "--identifier", identifier, "--reason", "asked on the phone"); code != 0 {
			t.Fatalf("profiling off: %s", errs)
		}
	}
	denied := func(what, decision string) {
		t.Helper()
		if !strings.Contains(decision, "profiling=deny; by=switch") {
			t.Errorf("%s: %q", what, decision)
		}
	}
	allowed := func(what, decision string) {
		t.Helper()
		if !strings.Contains(decision, "profiling=allow") {
			t.Errorf("%s: %q", what, decision)
		}
	}
	allowed("a user before", send("/v1/track", `"userId":"u1","event":"before"`))
	allowed("another one before", send("/v1/track", `"userId":"u7","event":"before"`))
	allowed("a new id before", send("/v1/track", `"userId":"new9","event":"before"`))
	eventually(t, 20*time.Second, "the events of before in ClickHouse", func() bool {
		return s.rows(t, "SELECT count() FROM events WHERE name='before'")[0][0] == "3"
	})
	off("email:u1@example.org")
	off("email:u7@example.org")
	off("user_id:old9")

	denied("identify", send("/v1/identify", `"userId":"u1","traits":{"email":"u1@example.org"}`))
	denied("the user afterwards", send("/v1/track", `"userId":"u1","event":"after"`))

	denied("identify in a browser", send("/v1/identify", `"userId":"u7","anonymousId":"browser-7","traits":{"email":"u7@example.org"}`))
	denied("the user of the browser", send("/v1/track", `"userId":"u7","event":"after"`))
	denied("the browser, logged out", send("/v1/track", `"anonymousId":"browser-7","event":"after"`))

	denied("alias", send("/v1/alias", `"userId":"new9","previousId":"old9"`))
	denied("the new id afterwards", send("/v1/track", `"userId":"new9","event":"after"`))

	s.settled(t, 30*time.Second)
	rows := s.rows(t, "SELECT countIf(name='before' AND scope='person'), countIf(name='after'), countIf(name='after' AND scope='person') FROM events")
	if rows[0][0] != "3" || rows[0][1] != "4" || rows[0][2] != "0" {
		t.Errorf("profiled before %s, after %s, profiled after %s", rows[0][0], rows[0][1], rows[0][2])
	}
}
