package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/console"
	"zgoda/console/consoletest"
	"zgoda/rights"
)

const requests = "/api/v1/requests"

// shown is a request as the API shows it.
type shown struct {
	Request, State, Contact, Deadline, Ground string
	DuplicateOf                               string `json:"duplicate_of"`
	PausedDays                                int    `json:"clock_stood_days"`
	Place                                     *int   `json:"queue_place"`
	Tasks                                     []struct {
		Name, State, Actor string
		Before             *int `json:"rows_before"`
	}
	Reviews []struct{ Reviewer string }
	History []struct{ Act, From, To, Actor string }
}

func wanted(t *testing.T, r *consoletest.Running, status int, method, path, body string) (s shown) {
	t.Helper()
	a := do(t, r, method, path, body)
	if a.status != status {
		t.Fatalf("%s %s: %d %s", method, path, a.status, a.body)
	}
	if status < 300 {
		a.json(t, &s)
	}
	return s
}

func TestRequests(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	handle := contact(t, r, "email:jana@example.org")
	one := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"restriction","identifier":"email:jana@example.org","origin":"letter","reason":"letter 7","received":"2026-11-02T10:00:00Z"}`)
	if one.State != "in_progress" || one.Contact != handle || one.Deadline != "2026-12-02T23:59:59Z" {
		t.Errorf("%+v", one)
	}
	path := requests + "/" + one.Request
	whole := wanted(t, r, 200, "GET", path, "")
	if len(whole.Tasks) != 3 || whole.Tasks[0].Name != "hidden" || *whole.Tasks[0].Before != 3 || whole.Tasks[1].State != "waiting" || whole.Tasks[1].Before != nil {
		t.Errorf("%+v", whole.Tasks)
	}
	again := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"restriction","contact":"`+handle+`","reason":"again"}`)
	if again.State != "duplicate" || again.DuplicateOf != one.Request {
		t.Errorf("%+v", again)
	}
	wanted(t, r, 404, "POST", path+":sign-off", `{"task":"manual:cellar"}`)
	wanted(t, r, 409, "POST", path+":approve", `{}`)
	one = wanted(t, r, 200, "POST", path+":sign-off", `{"task":"manual:paper","note":"box 3"}`)
	whole = wanted(t, r, 200, "GET", path, "")
	if one.State != "complete" || len(whole.History) != 3 || whole.History[1].Act != "sign_off" || whole.History[1].Actor != "token:local" || whole.History[2].To != "complete" {
		t.Errorf("%s, %+v", one.State, whole.History)
	}
	nobody := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"access","identifier":"email:nobody@example.org","reason":"letter 8"}`)
	if nobody.State != "requires_input" {
		t.Errorf("%+v", nobody)
	}
	wanted(t, r, 404, "POST", requests+"/"+nobody.Request+":supply", `{"identifier":"email:other@example.org"}`)
	if a := do(t, r, "POST", requests+"/"+nobody.Request+":supply", `{"identifier":"email:jana@example.org","scope":["analytics"]}`); a.status != http.StatusUnprocessableEntity || a.problem(t).Errors[0].Field != "body.scope" {
		t.Errorf("%d %s", a.status, a.body)
	}
	nobody = wanted(t, r, 200, "POST", requests+"/"+nobody.Request+":supply", `{"identifier":"email:jana@example.org"}`)
	if nobody.State != "in_progress" || nobody.Contact != handle {
		t.Errorf("%+v", nobody)
	}
	if log := r.Log.String(); strings.Contains(log, "jana@") || strings.Contains(log, "nobody@") {
		t.Error("an identifier is in the log")
	}
}

// TestRequestsAreListed: by site, right, state and person, page by page; and how far
// many are, in one call.
func TestRequestsAreListed(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	var ids, handles []string
	for i := range 5 {
		handles = append(handles, contact(t, r, fmt.Sprintf("user_id:u%d", i)))
		ids = append(ids, wanted(t, r, 202, "POST", requests,
			fmt.Sprintf(`{"site":"demo","right":"erasure","identifier":"user_id:u%d","reason":"letter","received":"2026-11-0%dT10:00:00Z"}`, i, i+1)).Request)
	}
	list := func(query string) (got []string) {
		t.Helper()
		a := do(t, r, "GET", requests+query, "")
		var out struct{ Requests []shown }
		if a.status != http.StatusOK {
			t.Fatalf("%s: %d %s", query, a.status, a.body)
		}
		a.json(t, &out)
		for _, one := range out.Requests {
			got = append(got, one.Request)
		}
		return got
	}
	for query, want := range map[string][]string{
		"": ids, "?site=demo&right=erasure&state=open": ids, "?site=other": nil, "?right=access,portability": nil, "?state=complete,denied": nil,
		"?contact=" + handles[2]: ids[2:3], "?limit=2": ids[:2], "?limit=2&after=" + ids[1]: ids[2:4], "?after=" + ids[4]: nil,
	} {
		if got := list(query); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%q: %v, want %v", query, got, want)
		}
	}
	if one := wanted(t, r, 200, "GET", requests+"/"+ids[3], ""); one.Place == nil || *one.Place != 3 {
		t.Errorf("its place is %v", one.Place)
	}
	a := do(t, r, "POST", requests+":states", fmt.Sprintf(`{"requests":[%q,%q]}`, ids[0], ids[4]))
	if a.status != http.StatusOK || strings.Count(a.body, `"step":"accepted"`) != 2 {
		t.Errorf("%d %s", a.status, a.body)
	}
	a = do(t, r, "GET", requests+":queue", "")
	if a.status != http.StatusOK || !strings.Contains(a.body, `"waiting":5`) || !strings.Contains(a.body, `"oldest":"2026-11-01T10:00:00Z"`) {
		t.Errorf("%d %s", a.status, a.body)
	}
	for query, want := range map[string]int{"?after=r_00000000000000000000000000": 422, "?contact=c_1": 422, "?limit=2000": 422, "/r_1": 422, "/r_00000000000000000000000000": 404} {
		wanted(t, r, want, "GET", requests+query, "")
	}
	for query, field := range map[string]string{
		"state=opened": "query.state", "state=open,all": "query.state", "right=export": "query.right", "right=access,x": "query.right",
	} {
		if a := do(t, r, "GET", requests+"?"+query, ""); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, field) {
			t.Errorf("%s: %d %s", query, a.status, a.body)
		}
	}
}

// TestRequestRoles: an analyst sees nothing of requests; whoever is an operator
// opens them, and does not decide.
func TestRequestRoles(t *testing.T) {
	r := consoletest.StartRequests(t, nil, func(c *rights.Config) { c.Reviewers = 1 })
	contact(t, r, "user_id:u1")
	tokens := map[console.Role]string{}
	for _, role := range []console.Role{console.RoleAnalyst, console.RoleOperator, console.RoleDPO} {
		text, err := r.Tokens.CreateToken(t.Context(), role, string(role))
		if err != nil {
			t.Fatal(err)
		}
		tokens[role] = text
	}
	as := func(role console.Role, method, path, body string) answer {
		t.Helper()
		return send(t, r, call{method: method, path: path, body: body, token: tokens[role]})
	}
	const body = `{"site":"demo","right":"erasure","identifier":"user_id:u1","reason":"letter"}`
	for _, c := range []struct{ method, path, body string }{{"GET", requests, ""}, {"POST", requests, body}, {"GET", requests + ":queue", ""}, {"GET", "/api/v1/nodes", ""}} {
		if a := as(console.RoleAnalyst, c.method, c.path, c.body); a.status != http.StatusForbidden {
			t.Errorf("an analyst: %s %s: %d", c.method, c.path, a.status)
		}
	}
	var one shown
	a := as(console.RoleOperator, "POST", requests, body)
	a.json(t, &one)
	if a.status != http.StatusAccepted || one.State != "pending" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	for _, path := range []string{requests + "/" + one.Request + ":approve", requests + "/" + one.Request + ":deny", "/api/v1/nodes/gate-1:gone"} {
		if a := as(console.RoleOperator, "POST", path, `{}`); a.status != http.StatusForbidden {
			t.Errorf("an operator: %s: %d", path, a.status)
		}
	}
	a = as(console.RoleDPO, "POST", requests+"/"+one.Request+":approve", `{}`)
	if a.json(t, &one); a.status != http.StatusOK || one.State != "in_progress" {
		t.Errorf("%d %s", a.status, a.body)
	}
	own := do(t, r, "POST", requests, strings.Replace(body, "erasure", "access", 1))
	own.json(t, &one)
	if a := do(t, r, "POST", requests+"/"+one.Request+":approve", `{}`); a.status != http.StatusForbidden {
		t.Errorf("their own: %d %s", a.status, a.body)
	}
	if a := as(console.RoleDPO, "POST", "/api/v1/nodes/gate-1:gone", ""); a.status != http.StatusNoContent {
		t.Errorf("a gateway is gone: %d %s", a.status, a.body)
	}
	if a := as(console.RoleDPO, "POST", "/api/v1/nodes/gate-9:gone", ""); a.status != http.StatusNotFound {
		t.Errorf("an unknown gateway is gone: %d", a.status)
	}
	if a := as(console.RoleOperator, "GET", "/api/v1/nodes", ""); !strings.Contains(a.body, `"gone":true`) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestRequestClock: proof, doubt, refusal and extension by the API; what is wrong
// is named and not repeated.
func TestRequestClock(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	contact(t, r, "user_id:u1")
	one := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"access","identifier":"user_id:u1","proof":"none","origin":"mail","reason":"mail 4"}`)
	path := requests + "/" + one.Request
	if one.State != "identity_unverified" {
		t.Fatalf("%+v", one)
	}
	for verb, body := range map[string]string{
		":prove": `{"proof":"face","note":"seen"}`, ":deny": `{"ground":"excessive","note":"see letter","told":"2026-11-01T00:00:00Z"}`, ":extend": `{"months":7,"note":"x"}`,
	} {
		if a := do(t, r, "POST", path+verb, body); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "face") || len(a.problem(t).Errors) != 1 {
			t.Errorf("%s: %d %s", verb, a.status, a.body)
		}
	}
	if a := do(t, r, "POST", path+":prove", `{"note":"call +421 905 123 456"}`); a.status != http.StatusUnprocessableEntity || strings.Contains(a.body, "905") {
		t.Errorf("a telephone number: %d %s", a.status, a.body)
	}
	told := time.Now().UTC().Format(time.RFC3339)
	wanted(t, r, 200, "POST", path+":extend", `{"months":2,"note":"many requests","told":"`+told+`"}`)
	one = wanted(t, r, 200, "POST", path+":deny", `{"ground":"identity","note":"no answer","told":"`+told+`"}`)
	if one.State != "denied" || one.Ground != "identity" {
		t.Errorf("%+v", one)
	}
	wanted(t, r, 409, "POST", path+":prove", `{"note":"seen"}`)
	for body, field := range map[string]string{
		`{"site":"demo","right":"flying","reason":"x"}`:                                          "body.right",
		`{"site":"demo","right":"access","identifier":"nothing","reason":"x"}`:                   "body.identifier",
		`{"site":"demo","right":"access","contact":"c_1","reason":"x"}`:                          "body.contact",
		`{"site":"demo","right":"objection","scope":["nothing"],"reason":"x"}`:                   "body.scope",
		`{"site":"demo","right":"restriction","scope":["analytics"],"reason":"x"}`:               "body.scope",
		`{"site":"demo","right":"access","scope":["analytics"],"reason":"x"}`:                    "body.scope",
		`{"site":"demo","right":"access","mode":"erase","reason":"x"}`:                           "body.mode",
		`{"site":"demo","right":"access","reason":"jana@example.org","identifier":"user_id:u1"}`: "body.reason",
	} {
		a := do(t, r, "POST", requests, body)
		if p := a.problem(t); a.status != http.StatusUnprocessableEntity || len(p.Errors) == 0 || p.Errors[0].Field != field || strings.Contains(a.body, "jana@") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

// TestImportRequests: bad rows are told one by one, and the file can be sent again.
func TestImportRequests(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	contact(t, r, "user_id:u1")
	const file = "right,received,completed,state,channel,identifier,ground,note\n" +
		"erasure,2025-01-31,2025-02-14,complete,letter,user_id:u1,,folder 3\nflying,2025-01-31,2025-02-14,complete,letter,,,\n"
	for range 2 {
		a := send(t, r, call{method: "POST", path: requests + ":import?site=demo", body: file, token: r.Local.Reveal(), mediaType: "text/csv"})
		if a.status != http.StatusOK || a.trailer.Get("Zgoda-Outcome") != "done" || !strings.Contains(a.body, `"line":3,"field":"right"`) || !strings.Contains(a.body, `"rows":2,"accepted":1,"bad":1`) {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := do(t, r, "GET", requests, ""); strings.Count(a.body, `"imported":true`) != 1 {
		t.Errorf("%s", a.body)
	}
	if a := send(t, r, call{method: "POST", path: requests + ":import?site=demo", body: "a,b\n", token: r.Local.Reveal(), mediaType: "text/csv"}); a.status != http.StatusUnprocessableEntity {
		t.Errorf("a wrong first line: %d %s", a.status, a.body)
	}
}
