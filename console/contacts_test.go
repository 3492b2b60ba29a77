package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"zgoda/console"
	"zgoda/console/consoletest"
	"zgoda/event"
	"zgoda/pseudonym"
)

const mail = "canary.jana@example.org"

func TestMakeAndFind(t *testing.T) {
	r := consoletest.Start(t, nil)
	body := `{"identifier":"email:` + mail + `"}`
	if a := do(t, r, "POST", "/api/v1/sites/demo/contacts:find", body); a.status != http.StatusNotFound {
		t.Fatalf("find before: %d", a.status)
	}
	handle := contact(t, r, "email:"+mail)
	if want := consoletest.Handle("demo", event.KindEmail, mail).Text(event.KindEmail); handle != want {
		t.Fatalf("handle %s, want %s", handle, want)
	}
	var out struct {
		Contact string
		Created bool
	}
	a := do(t, r, "POST", "/api/v1/sites/demo/contacts", body)
	a.json(t, &out)
	if a.status != http.StatusOK || out.Contact != handle || out.Created {
		t.Fatalf("make again: %d %+v", a.status, out)
	}
	a = do(t, r, "POST", "/api/v1/sites/demo/contacts:find", body)
	a.json(t, &out)
	if a.status != http.StatusOK || out.Contact != handle {
		t.Fatalf("find after: %d %+v", a.status, out)
	}
}

func TestProfilingSwitch(t *testing.T) {
	r := consoletest.Start(t, nil)
	handle := contact(t, r, "email:"+mail)
	path := "/api/v1/sites/demo/contacts/" + handle
	var out struct {
		Contact  string
		Enabled  bool
		Sequence uint64
		Seconds  float64 `json:"enforced_after_seconds"`
	}
	a := do(t, r, "PUT", path+"/profiling", `{"enabled":false,"reason":"asked by phone"}`)
	a.json(t, &out)
	if a.status != http.StatusOK || out.Contact != handle || out.Enabled || out.Sequence != 1 || out.Seconds <= 0 {
		t.Fatalf("off: %d %+v", a.status, out)
	}
	var record struct {
		State     string
		Profiling bool
		Sequence  uint64
		Purposes  []struct{ Purpose, Choice string }
	}
	do(t, r, "GET", path, "").json(t, &record)
	if record.State != "active" || record.Profiling || record.Sequence != 1 || len(record.Purposes) != 3 || record.Purposes[2].Choice != "unset" {
		t.Fatalf("record: %+v", record)
	}
	h, err := event.ParseHandle(handle)
	if err != nil {
		t.Fatal(err)
	}
	if got := r.Directory.Entries(h); len(got) != 1 || got[0].Actor != "token:local" || got[0].Reason != "asked by phone" {
		t.Fatalf("entries: %+v", got)
	}
	// A handle read aloud and typed in capitals is the same one.
	var again struct{ Contact string }
	do(t, r, "GET", "/api/v1/sites/demo/contacts/"+strings.ToUpper(handle), "").json(t, &again)
	if again.Contact != handle {
		t.Fatalf("in capitals: %q", again.Contact)
	}
	do(t, r, "PUT", path+"/profiling", `{"enabled":true}`).json(t, &out)
	do(t, r, "GET", path, "").json(t, &record)
	if !out.Enabled || !record.Profiling || record.Sequence != 2 {
		t.Fatalf("on: %+v %+v", out, record)
	}
}

func TestConsents(t *testing.T) {
	r := consoletest.Start(t, nil)
	path := "/api/v1/sites/demo/contacts/" + contact(t, r, "user_id:u-1")
	operator := token(t, r, console.RoleOperator)
	a := send(t, r, call{
		method: "PUT", path: path + "/consents/analytics", token: operator,
		body: `{"granted":true,"channel":"phone","reason":"call of 3 May"}`,
	})
	if a.status != http.StatusOK {
		t.Fatalf("grant: %d %s", a.status, a.body)
	}
	if a = do(t, r, "PUT", path+"/consents/analytics", `{"granted":false}`); a.status != http.StatusOK {
		t.Fatalf("withdraw: %d %s", a.status, a.body)
	}
	var out struct {
		Entries []struct {
			Sequence                               uint64
			Purpose, State, Channel, Actor, Reason string
		}
	}
	do(t, r, "GET", path+"/consents", "").json(t, &out)
	if got := fmt.Sprintf("%+v", out.Entries); got != "[{Sequence:1 Purpose:analytics State:given Channel:phone Actor:token:test Reason:call of 3 May} "+
		"{Sequence:2 Purpose:analytics State:withdrawn Channel:operator Actor:token:local Reason:}]" {
		t.Fatal(got)
	}
	if a = do(t, r, "PUT", path+"/consents/unknown", `{"granted":true}`); a.status != http.StatusNotFound {
		t.Fatalf("an unknown purpose: %d", a.status)
	}
}

// TestDirectoryAway is I3 for the console: nothing is answered as done.
func TestDirectoryAway(t *testing.T) {
	r := consoletest.Start(t, nil)
	r.Directory.SetAway(true)
	r.Waiting.SetAway(true)
	r.People.Fail(pseudonym.ErrAway)
	for _, route := range routes {
		if !strings.Contains(route.path, "/contacts") && !strings.Contains(route.path, "/reveals") {
			continue
		}
		a := send(t, r, call{method: route.method, path: route.path, body: route.body, mediaType: route.mediaType, token: r.Local.Reveal()})
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s %s answered %d", route.method, route.path, a.status)
			continue
		}
		a.problem(t)
	}
}

func TestUnknownSite(t *testing.T) {
	r := consoletest.Start(t, nil)
	for _, route := range routes {
		if !strings.Contains(route.path, "/demo") {
			continue
		}
		path := strings.Replace(route.path, "/demo", "/elsewhere", 1)
		a := send(t, r, call{method: route.method, path: path, body: route.body, mediaType: route.mediaType, token: r.Local.Reveal()})
		if a.status != http.StatusNotFound || strings.Contains(a.body, "elsewhere") {
			t.Errorf("%s %s answered %d %s", route.method, path, a.status, a.body)
		}
	}
}

// TestWrongInputs: the right code, the field, nothing of what was sent, and the
// process goes on.
func TestWrongInputs(t *testing.T) {
	r := consoletest.Start(t, nil)
	const canary = "canary4711"
	contacts := "/api/v1/sites/demo/contacts"
	for _, c := range []struct {
		name, method, path, body string
		want                     int
		field                    string
	}{
		{"empty", "POST", contacts, ``, 400, ""},
		{"not JSON", "POST", contacts, canary, 400, "body"},
		{"half", "POST", contacts, `{"identifier":"email:` + canary, 400, "body"},
		{"NUL", "POST", contacts, "{\"identifier\":\"\x00" + canary + "\"}", 400, "body"},
		{"a list", "POST", contacts, `["` + canary + `"]`, 422, "body"},
		{"a number", "POST", contacts, `{"identifier":4711}`, 422, "body.identifier"},
		{"missing", "POST", contacts, `{}`, 422, "body"},
		{"unknown property", "POST", contacts, `{"identifier":"email:a@example.org","` + canary + `":1}`, 422, "body"},
		{"no kind", "POST", contacts, `{"identifier":"` + canary + `"}`, 422, "body.identifier"},
		{"unknown kind", "POST", contacts, `{"identifier":"` + canary + `:x"}`, 422, "body.identifier"},
		{"no value", "POST", contacts, `{"identifier":"email:  "}`, 422, "body.identifier"},
		{"not a mail", "POST", contacts, `{"identifier":"email:` + canary + `"}`, 422, "body.identifier"},
		{"long", "POST", contacts, `{"identifier":"email:` + strings.Repeat(canary, 60) + `"}`, 422, "body.identifier"},
		{"deep", "POST", contacts, strings.Repeat(`[`, 20000) + strings.Repeat(`]`, 20000), 400, "body"},
		{"large", "POST", contacts, `{"identifier":"email:` + strings.Repeat("x", 100<<10) + `"}`, 413, ""},
		{"not a handle", "PUT", contacts + "/" + canary + "/profiling", `{"enabled":true}`, 422, "path.contact"},
		{"zero handle", "PUT", contacts + "/c_00000000000000000000000000/profiling", `{"enabled":true}`, 422, "path.contact"},
		{"bad letters", "PUT", contacts + "/c_UUUUUUUUUUUUUUUUUUUUUUUUUU/profiling", `{"enabled":true}`, 422, "path.contact"},
		{"no switch", "PUT", contacts + "/" + someContact + "/profiling", `{"reason":"` + canary + `"}`, 422, "body"},
		{"text for a switch", "PUT", contacts + "/" + someContact + "/profiling", `{"enabled":"` + canary + `"}`, 422, "body.enabled"},
		{"long reason", "PUT", contacts + "/" + someContact + "/profiling", `{"enabled":true,"reason":"` + strings.Repeat(canary, 60) + `"}`, 422, "body.reason"},
		{"channel", "PUT", contacts + "/" + someContact + "/consents/profiling", `{"granted":true,"channel":"` + canary + ` !"}`, 422, "body.channel"},
		{"role", "POST", "/api/v1/tokens", `{"role":"` + canary + `"}`, 422, "body.role"},
		{"name", "POST", "/api/v1/tokens", `{"role":"analyst","name":"` + canary + `@x"}`, 422, "body.name"},
		{"no statement", "POST", "/api/v1/sql", `{"sql":""}`, 422, "body.sql"},
		{"format", "POST", "/api/v1/sql", `{"sql":"SELECT 1","format":"` + canary + `"}`, 422, "body.format"},
		{"as", "POST", "/api/v1/sql", `{"sql":"SELECT 1","as":"` + canary + `"}`, 422, "body.as"},
		{"token id", "DELETE", "/api/v1/tokens/" + canary + "%20", ``, 422, "path.token"},
	} {
		a := do(t, r, c.method, c.path, c.body)
		if a.status != c.want {
			t.Errorf("%s: answered %d, want %d: %.300s", c.name, a.status, c.want, a.body)
			continue
		}
		p := a.problem(t)
		if strings.Contains(a.body, canary) || strings.Contains(a.body, "4711") {
			t.Errorf("%s: the answer repeats content: %.300s", c.name, a.body)
		}
		if c.field != "" && (len(p.Errors) == 0 || p.Errors[0].Field != c.field) {
			t.Errorf("%s: field %+v, want %s", c.name, p.Errors, c.field)
		}
	}
	if a := send(t, r, call{method: "POST", path: contacts, body: "a: " + canary, mediaType: "text/" + canary, token: r.Local.Reveal()}); a.status != http.StatusUnsupportedMediaType || strings.Contains(a.body, canary) {
		t.Errorf("media type: %d %s", a.status, a.body)
	}
	if log := r.Log.String(); strings.Contains(log, canary) || strings.Contains(log, "example.org") {
		t.Errorf("the log repeats content: %s", log)
	}
	// Refused by its length alone, before the body is sent.
	if a := send(t, r, call{
		method: "POST", path: contacts, body: strings.Repeat(" ", 9<<20), token: r.Local.Reveal(),
		header: map[string]string{"Expect": "100-continue"},
	}); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("huge: %d", a.status)
	}
	if a := do(t, r, "GET", "/api/v1/status", ""); a.status != http.StatusOK {
		t.Errorf("afterwards: %d", a.status)
	}
}

func TestExplain(t *testing.T) {
	r := consoletest.Start(t, nil)
	ask := func(raw string) answer {
		return send(t, r, call{method: "POST", path: "/api/v1/sites/demo:explain", body: raw, mediaType: "message/http", token: r.Local.Reveal()})
	}
	a := ask("POST /v1/page HTTP/1.1\r\nHost: x\r\nSec-GPC: 1\r\nContent-Length: 2\r\n\r\n{}")
	var trace struct {
		Purposes []struct{ ID, Outcome, By string }
	}
	a.json(t, &trace)
	if a.status != http.StatusOK || len(trace.Purposes) != 3 || trace.Purposes[2].By != "gpc" || trace.Purposes[2].Outcome != "deny" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a = ask("canary4711"); a.status != http.StatusBadRequest || strings.Contains(a.body, "canary4711") {
		t.Fatalf("no request: %d %s", a.status, a.body)
	}
	if a = ask(""); a.status != http.StatusBadRequest {
		t.Fatalf("empty: %d", a.status)
	}
	if a = ask(strings.Repeat("x", 4<<20+1)); a.status != http.StatusRequestEntityTooLarge {
		t.Fatalf("too large: %d", a.status)
	}
}

func TestNoIdentifierInMetrics(t *testing.T) {
	r := consoletest.Start(t, nil)
	handle := contact(t, r, "email:"+mail)
	do(t, r, "PUT", "/api/v1/sites/demo/contacts/"+handle+"/profiling", `{"enabled":false}`)
	families, err := r.Registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := ""
	for _, f := range families {
		all += f.String()
	}
	if strings.Contains(all, handle) || strings.Contains(all, mail) || !strings.Contains(all, "set-profiling") {
		t.Fatalf("metrics: %s", all)
	}
}
