package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/console/consoletest"
	"zgoda/control/ledger"
	"zgoda/event"
)

// TestOptInWithASecretKey: the key of the site opens its own opt-ins and nothing
// else.
func TestOptInWithASecretKey(t *testing.T) {
	r := consoletest.Start(t, nil)
	body := `{"identifier":"email:jana@example.org","purposes":["analytics"],"evidence":"form of jana@example.org"}`
	a := send(t, r, call{method: "POST", path: "/api/v1/sites/demo/contacts:opt-in", body: body, token: consoletest.SecretKey})
	if a.status != http.StatusAccepted || !strings.Contains(a.body, `"expires":"2026-01-04T00:00:00Z"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	entries := r.Directory.Entries(consoletest.Handle("demo", event.KindEmail, "jana@example.org"))
	if len(entries) != 1 || entries[0].Actor != "token:key of demo" || strings.Contains(entries[0].Reason, "jana") {
		t.Errorf("%d entries, or an entry that does not say who asked, or says whom", len(entries))
	}
	for _, route := range routes {
		if strings.HasSuffix(route.path, ":opt-in") {
			continue
		}
		if a := send(t, r, call{method: route.method, path: route.path, body: route.body, mediaType: route.mediaType, token: consoletest.SecretKey}); a.status != http.StatusUnauthorized {
			t.Errorf("%s %s answered %d to a secret key", route.method, route.path, a.status)
		}
	}
	for field, body := range map[string]string{
		"body.identifier": `{"identifier":"canary","purposes":["analytics"]}`,
		"body.purposes":   `{"identifier":"email:canary@example.org","purposes":["measurement"]}`,
	} {
		a := do(t, r, "POST", "/api/v1/sites/demo/contacts:opt-in", body)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, field) || strings.Contains(a.body, "canary") {
			t.Errorf("%s: %d %s", field, a.status, a.body)
		}
	}
}

// TestGuardiansGrant: what is recorded, and who needs no guardian.
func TestGuardiansGrant(t *testing.T) {
	r := consoletest.Start(t, nil)
	path := "/api/v1/sites/demo/contacts/" + someContact + "/consents/analytics:guardian"
	born := time.Now().AddDate(-10, 0, 0)
	a := do(t, r, "POST", path, `{"born":"`+born.Format(time.DateOnly)+`","country":"SK","verified":"mother, passport seen"}`)
	if a.status != http.StatusOK || !strings.Contains(a.body, `"until":"`+born.AddDate(16, 0, 0).Format(time.DateOnly)+`"`) {
		t.Fatalf("%d %s", a.status, a.body)
	}
	h, err := event.ParseHandle(someContact)
	if err != nil {
		t.Fatal(err)
	}
	var states []string
	for _, e := range r.Directory.Entries(h) {
		states = append(states, e.State.String())
		if e.State == ledger.StateGiven && (!e.Guardian || e.GuardianRef != "mother, passport seen") {
			t.Error("the grant does not say who gave it")
		}
	}
	if got := strings.Join(states, " "); got != "minor located given" {
		t.Errorf("entries: %s", got)
	}
	for _, years := range []int{-40, 1, -130} {
		a := do(t, r, "POST", path, `{"born":"`+time.Now().AddDate(years, 0, 0).Format(time.DateOnly)+`","verified":"mother"}`)
		if a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "body.born") {
			t.Errorf("born %d years ahead: %d %s", years, a.status, a.body)
		}
	}
}

// TestImportTellsBadRows: by line and field, never by what stands in them.
func TestImportTellsBadRows(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := send(t, r, call{method: "POST", path: "/api/v1/sites/demo/contacts:import", body: importFile, mediaType: "text/csv", token: r.Local.Reveal()})
	if a.status != http.StatusOK || !strings.Contains(a.body, `{"line":3,"field":"identifier","reason":"cannot be read as its kind"}`) ||
		!strings.Contains(a.body, `{"rows":2,"accepted":1,"bad":1}`) || strings.Contains(a.body, "canary") {
		t.Errorf("%d %s", a.status, a.body)
	}
	a = send(t, r, call{method: "POST", path: "/api/v1/sites/demo/contacts:import", body: "canary\n", mediaType: "text/csv", token: r.Local.Reveal()})
	if a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "canary") {
		t.Errorf("a file without a header: %d %s", a.status, a.body)
	}
	if strings.Contains(r.Log.String(), "canary") {
		t.Error("a row is in the log")
	}
}

func TestRenewals(t *testing.T) {
	r := consoletest.Start(t, nil)
	a := do(t, r, "GET", "/api/v1/sites/demo/renewals?days=7", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"purpose":"analytics","expired":true,"day":"2026-01-02"}`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}
