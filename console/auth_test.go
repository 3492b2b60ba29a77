package console_test

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/console"
	"zgoda/console/consoletest"
)

// attachForm is a document on its way.
const attachForm = "--b\r\nContent-Disposition: form-data; name=\"about\"\r\n\r\n" +
	`{"identifier":"email:a@example.org","name":"a.pdf","type":"application/pdf","source":"mail"}` +
	"\r\n--b\r\nContent-Disposition: form-data; name=\"document\"; filename=\"d\"\r\n\r\nx\r\n--b--\r\n"

const someContact = "c_0123456789abcdefghjkmnpqr0"

const importFile = "kind,identifier,purpose,version,state,time,channel,proof\n" +
	"email,a@example.org,analytics,1,given,2026-01-01T00:00:00Z,paper,box\n" +
	"email,canary,analytics,1,given,2026-01-01T00:00:00Z,paper,box\n"

// someRequest is the id of no request.
const someRequest = "r_00000000000000000000000000"

// routes are all routes that need a token, with a body that is taken.
var routes = []struct {
	method, path, body, mediaType string
	roles                         []console.Role
}{
	{"POST", "/api/v1/sites/demo/contacts", `{"identifier":"email:a@example.org"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:find", `{"identifier":"email:a@example.org"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/sites/demo/contacts/" + someContact, ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"DELETE", "/api/v1/sites/demo/contacts/" + someContact + "/waiting", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"PUT", "/api/v1/sites/demo/contacts/" + someContact + "/profiling", `{"enabled":false}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"PUT", "/api/v1/sites/demo/contacts/" + someContact + "/consents/profiling", `{"granted":true}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/sites/demo/contacts/" + someContact + "/consents", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:opt-in", `{"identifier":"email:a@example.org","purposes":["analytics"]}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts/" + someContact + "/consents/analytics:guardian", `{"born":"` + time.Now().AddDate(-10, 0, 0).Format(time.DateOnly) + `","verified":"mother"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:import", importFile, "text/csv", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:reveal", `{"identifier":"email:a@example.org","reason":"request 12"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:put", `{"identifier":"email:a@example.org","data":[{"name":"n","value":"v","source":"s"}]}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:remove", `{"identifier":"email:a@example.org","ids":[1]}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:merge", `{"keep":{"identifier":"email:a@example.org"},"drop":{"identifier":"email:b@example.org"},"reason":"request 13"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:list", `{"pseudonyms":["` + someContact + `"]}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:document", `{"identifier":"email:a@example.org","reason":"request 12","document":"00000000000000000000000000000009"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo/contacts:attach", attachForm, "multipart/form-data; boundary=b", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/reveals", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/reveals/00000000000000000000000000000009:approve", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/sites/demo/renewals", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sites/demo:explain", "GET /p.gif HTTP/1.1\r\nHost: x\r\n\r\n", "message/http", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/sites/demo/dryrun", ``, "", []console.Role{"administrator", "operator", "analyst", "dpo"}},
	{"POST", "/api/v1/sites/demo/drops:find", `{"messageId":"m-1"}`, "", []console.Role{"administrator", "operator", "dpo"}},
	{"POST", "/api/v1/sql", `{"sql":"SELECT 1"}`, "", []console.Role{"administrator", "analyst", "dpo"}},
	{"POST", "/api/v1/tokens", `{"role":"analyst"}`, "", []console.Role{"administrator"}},
	{"GET", "/api/v1/tokens", ``, "", []console.Role{"administrator"}},
	{"DELETE", "/api/v1/tokens/t1", ``, "", []console.Role{"administrator"}},
	{"GET", "/api/v1/stores", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/requests/" + someRequest + "/certificate", ``, "", []console.Role{"administrator", "operator", "dpo"}},
	{"GET", "/api/v1/status", ``, "", []console.Role{"administrator", "operator", "analyst", "dpo"}},
}

func TestEveryRouteNeedsAToken(t *testing.T) {
	r := consoletest.Start(t, nil)
	revoked := token(t, r, console.RoleAdministrator)
	if _, err := r.Tokens.RevokeToken(t.Context(), "t1"); err != nil {
		t.Fatal(err)
	}
	local := r.Local.Reveal()
	for name, header := range map[string]string{
		"none": "", "wrong": "Bearer zgoda_wrong", "revoked": "Bearer " + revoked, "empty": "Bearer ",
		"basic": "Basic " + local, "bare": local, "cut": "Bearer " + local[:len(local)-1],
		"longer": "Bearer " + local + "x", "huge": "Bearer " + strings.Repeat("x", 600),
	} {
		for _, route := range routes {
			a := send(t, r, call{
				method: route.method, path: route.path, body: route.body, mediaType: route.mediaType,
				header: map[string]string{"Authorization": header},
			})
			if a.status != http.StatusUnauthorized {
				t.Errorf("%s: %s %s answered %d", name, route.method, route.path, a.status)
				continue
			}
			a.problem(t)
			if a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%s: no WWW-Authenticate", name)
			}
		}
	}
}

func TestRoles(t *testing.T) {
	r := consoletest.Start(t, nil)
	for _, role := range []console.Role{"administrator", "operator", "analyst", "dpo"} {
		own := token(t, r, role)
		for _, route := range routes {
			path := strings.Replace(route.path, "tokens/t1", "tokens/unknown", 1) // keep our own
			a := send(t, r, call{method: route.method, path: path, body: route.body, mediaType: route.mediaType, token: own})
			allowed := slices.Contains(route.roles, role)
			if allowed == (a.status == http.StatusForbidden) || a.status == http.StatusUnauthorized || a.status >= 500 {
				t.Errorf("%s: %s %s answered %d, allowed %v: %s", role, route.method, path, a.status, allowed, a.body)
			}
			if !allowed {
				a.problem(t)
			}
		}
	}
}

// TestUncheckedTokenIsRefused is I3 for the console: what cannot be checked is
// not let through, and the answer says to come again.
func TestUncheckedTokenIsRefused(t *testing.T) {
	r := consoletest.Start(t, nil)
	own := token(t, r, console.RoleAdministrator)
	r.Tokens.SetAway(true)
	for _, route := range routes {
		a := send(t, r, call{method: route.method, path: route.path, body: route.body, mediaType: route.mediaType, token: own})
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s answered %d", route.method, route.path, a.status)
		}
	}
	if log := r.Log.String(); !strings.Contains(log, "token not checked") || strings.Contains(log, own) {
		t.Errorf("log: %s", log)
	}
}

func TestTokens(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := do(t, r, "POST", "/api/v1/tokens", `{"role":"analyst","name":"anna"}`)
	if a.status != http.StatusCreated {
		t.Fatalf("create: %d %s", a.status, a.body)
	}
	var made struct{ Token string }
	a.json(t, &made)
	if got := send(t, r, call{method: "GET", path: "/api/v1/status", token: made.Token}); got.status != http.StatusOK {
		t.Fatalf("the new token: %d", got.status)
	}
	a = do(t, r, "GET", "/api/v1/tokens", "")
	if strings.Contains(a.body, made.Token) || !strings.Contains(a.body, `"name":"anna"`) {
		t.Fatalf("list: %s", a.body)
	}
	if a = do(t, r, "DELETE", "/api/v1/tokens/t1", ""); a.status != http.StatusNoContent {
		t.Fatalf("revoke: %d %s", a.status, a.body)
	}
	if got := send(t, r, call{method: "GET", path: "/api/v1/status", token: made.Token}); got.status != http.StatusUnauthorized {
		t.Fatalf("the revoked token: %d", got.status)
	}
	if a = do(t, r, "DELETE", "/api/v1/tokens/t9", ""); a.status != http.StatusNotFound {
		t.Fatalf("revoke an unknown one: %d", a.status)
	}
}

func TestSecretIsRedacted(t *testing.T) {
	s := console.NewSecret()
	text, err := json.Marshal(map[string]any{"s": s})
	if err != nil {
		t.Fatal(err)
	}
	all := s.String() + s.GoString() + string(text) + s.LogValue().String()
	if strings.Contains(all, s.Reveal()) || strings.Count(all, "[redacted]") != 4 {
		t.Fatalf("a secret shows: %s", all)
	}
	if s.Reveal() == console.NewSecret().Reveal() || len(s.Reveal()) < 26 {
		t.Fatal("secrets are not random")
	}
}
