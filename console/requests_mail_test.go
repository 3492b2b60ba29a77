package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"zgoda/confirm"
	"zgoda/console/consoletest"
)

// TestProofByMail: a request is opened to wait for a link that is mailed to a known
// address, which can be sent again; nobody says that they followed it.
func TestProofByMail(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	handle := contact(t, r, "email:jana@example.org")
	one := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"erasure","identifier":"email:jana@example.org","proof":"mail","locale":"pl","reason":"letter 7"}`)
	two := wanted(t, r, 202, "POST", requests, `{"site":"demo","right":"access","contact":"`+handle+`","proof":"mail","reason":"letter 8"}`)
	if one.State != "identity_unverified" || two.State != "identity_unverified" {
		t.Errorf("%s, %s", one.State, two.State)
	}
	path := requests + "/" + one.Request
	wanted(t, r, 200, "POST", path+":mail", `{"identifier":"email:JANA@example.org","locale":"en"}`)
	wanted(t, r, 200, "POST", path+":mail", `{}`)
	want := []string{one.Request + " jana@example.org pl", two.Request + "  ", one.Request + " JANA@example.org en", one.Request + "  "}
	if got := r.Proofs.Sent(); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("sent %v, not %v", got, want)
	}
	for body, status := range map[string]int{
		`{"site":"demo","right":"access","identifier":"email:nobody@example.org","proof":"mail","reason":"x"}`: http.StatusNotFound,
		`{"site":"demo","right":"access","identifier":"email:jana@example.org","proof":"mail","reason":"x"}`:   http.StatusConflict, // a duplicate waits for nothing
	} {
		if a := do(t, r, "POST", requests, body); a.status != status || strings.Contains(a.body, "jana@") {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	for body, field := range map[string]string{`{"identifier":"user_id:u1"}`: "body.identifier", `{"identifier":"jana"}`: "body.identifier"} {
		if a := do(t, r, "POST", path+":mail", body); a.status != http.StatusUnprocessableEntity || a.problem(t).Errors[0].Field != field {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	if a := do(t, r, "POST", path+":prove", `{"proof":"mail","note":"she did"}`); a.status != http.StatusUnprocessableEntity || a.problem(t).Errors[0].Field != "body.proof" {
		t.Errorf("proven by nobody: %d %s", a.status, a.body)
	}
	for _, c := range []struct {
		err    error
		status int
	}{{confirm.ErrTooMany, 429}, {confirm.ErrMail, 503}, {confirm.ErrNoAddress, 409}, {confirm.ErrNotKnown, 409}, {confirm.ErrNoAddressee, 422}} {
		r.Proofs.Fail(c.err)
		if a := do(t, r, "POST", path+":mail", `{}`); a.status != c.status {
			t.Errorf("%v: %d %s", c.err, a.status, a.body)
		}
	}
	if a := do(t, r, "POST", requests+"/r_"+strings.Repeat("0", 26)+":mail", `{}`); a.status != http.StatusNotFound {
		t.Errorf("no request: %d", a.status)
	}
	wanted(t, r, 200, "POST", path+":prove", `{"proof":"operator","note":"she came by"}`)
	r.Proofs.Fail(nil)
	if a := do(t, r, "POST", path+":mail", `{}`); a.status != http.StatusConflict {
		t.Errorf("proven already: %d %s", a.status, a.body)
	}
	if log := r.Log.String(); strings.Contains(log, "jana@") {
		t.Error("an address is in the log")
	}
}
