package console_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"zgoda/console/consoletest"
)

// TestHeldBack: while erasures since a backup are not all carried out again nobody is
// found, shown or changed; what has to do with nobody is answered.
func TestHeldBack(t *testing.T) {
	var passing atomic.Bool
	passing.Store(true)
	r := consoletest.StartHeld(t, passing.Load)
	const find, body = "/api/v1/sites/demo/contacts:find", `{"identifier":"user_id:u1"}`
	if a := do(t, r, "POST", "/api/v1/sites/demo/contacts", body); a.status >= http.StatusBadRequest {
		t.Fatalf("%d %s", a.status, a.body)
	}
	passing.Store(false)
	for _, c := range []struct{ method, path, body string }{
		{"POST", find, body},
		{"POST", "/api/v1/sites/demo/contacts", body},
		{"POST", "/api/v1/sites/demo/contacts:opt-in", body},
		{"POST", "/api/v1/sql", `{"query":"SELECT 1"}`},
	} {
		if a := do(t, r, c.method, c.path, c.body); a.status != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "restoring") {
			t.Errorf("%s %s: %d %s", c.method, c.path, a.status, a.body)
		}
	}
	for _, path := range []string{"/api/v1/status", "/api/v1/tokens"} {
		if a := do(t, r, "GET", path, ""); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	passing.Store(true)
	if a := do(t, r, "POST", find, body); a.status != http.StatusOK {
		t.Errorf("%d %s", a.status, a.body)
	}
}
