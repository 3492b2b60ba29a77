package console_test

import (
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"testing"

	"zgoda/console/consoletest"
	"zgoda/export"
	"zgoda/rights"
)

const exportPath = "/api/v1/sites/demo/contacts:export"

// waiting is what an export waits for.
type waiting struct{ Request, State, Approval string }

// TestExport: whoever is known gets theirs under a request of their own, which is
// complete then; a second person approves above the limit of reveals.
func TestExport(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	handle := contact(t, r, "email:jana@example.org")
	const body = `{"identifier":"email:jana@example.org","reason":"letter 7","format":"csv"}`
	a := do(t, r, "POST", exportPath, body)
	request := a.header.Get("Zgoda-Request")
	if a.status != http.StatusOK || a.body != "csv of "+request || a.trailer.Get("Zgoda-Outcome") != "done" || a.header.Get("Content-Type") != "application/zip" ||
		!strings.Contains(a.header.Get("Content-Disposition"), request+".zip") {
		t.Fatalf("%d %s %v %v", a.status, a.body, a.header, a.trailer)
	}
	if got := wanted(t, r, 200, "GET", requests+"/"+request, ""); got.State != "complete" || got.Contact != handle {
		t.Errorf("%+v", got)
	}
	if a := do(t, r, "GET", "/api/v1/sites/demo/contacts/"+handle+"/export?format=xlsx", ""); a.status != http.StatusOK || a.header.Get("Zgoda-Request") == request || !strings.HasPrefix(a.body, "xlsx of r_") {
		t.Errorf("by handle: %d %s", a.status, a.body)
	}
	r.Exports.Limit(true)
	var w waiting
	if a := do(t, r, "POST", exportPath, body); a.status != http.StatusAccepted {
		t.Fatalf("above the limit: %d %s", a.status, a.body)
	} else if a.json(t, &w); w.State != "in_progress" || w.Approval != hex.EncodeToString(consoletest.Approval[:]) {
		t.Errorf("%+v", w)
	}
	again := do(t, r, "POST", exportPath, strings.Replace(body, `{`, `{"approval":"`+w.Approval+`",`, 1))
	if again.status != http.StatusOK || again.header.Get("Zgoda-Request") != w.Request { // goes on with the one that is open
		t.Errorf("approved: %d %s of %s", again.status, again.body, w.Request)
	}
}

// TestExportOfRequest: what a request asks for is handed out in the form that is asked
// for, also when a second person had to approve it; JSON when none is named.
func TestExportOfRequest(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	contact(t, r, "email:jana@example.org")
	for query, form := range map[string]string{"": "json", "&format=xlsx": "xlsx"} {
		r.Exports.Limit(true)
		var w waiting
		if a := do(t, r, "POST", exportPath, `{"identifier":"email:jana@example.org","reason":"letter 7"}`); a.status != http.StatusAccepted {
			t.Fatalf("above the limit: %d %s", a.status, a.body)
		} else if a.json(t, &w); w.Approval == "" {
			t.Fatalf("%+v", w)
		}
		if a := do(t, r, "GET", requests+"/"+w.Request+"/export?approval="+w.Approval+query, ""); a.status != http.StatusOK || a.body != form+" of "+w.Request {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
}

// TestExportRefused: what is not handed out says why, and an export that was cut off
// does not look whole.
func TestExportRefused(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	contact(t, r, "email:jana@example.org")
	const body = `{"identifier":"email:jana@example.org","reason":"letter 7"}`
	for name, c := range map[string]struct {
		body   string
		status int
	}{
		"nobody":                 {`{"identifier":"email:nobody@example.org","reason":"letter 7"}`, 404},
		"no reason":              {`{"identifier":"email:jana@example.org"}`, 422},
		"a person in the reason": {`{"identifier":"email:jana@example.org","reason":"jana@example.org asked"}`, 422},
		"no person":              {`{"reason":"letter 7"}`, 422}, "both": {`{"identifier":"email:jana@example.org","request":"r_0123456789abcdefghjkmnpqr0","reason":"letter 7"}`, 404},
		"form":     {`{"identifier":"email:jana@example.org","reason":"letter 7","format":"pdf"}`, 422},
		"approval": {`{"identifier":"email:jana@example.org","reason":"letter 7","approval":"x"}`, 422},
	} {
		if a := do(t, r, "POST", exportPath, c.body); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		} else {
			a.problem(t)
		}
	}
	if a := send(t, r, call{method: "POST", path: exportPath, body: body}); a.status != http.StatusUnauthorized {
		t.Errorf("without a token: %d", a.status)
	}
	for name, c := range map[string]struct {
		err    error
		status int
	}{"erasing": {export.ErrErasing, 409}, "keyholder away": {errors.New("away"), 503}} {
		r.Exports.Fail(c.err, nil)
		if a := do(t, r, "POST", exportPath, body); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	r.Exports.Fail(nil, errors.New("cut off"))
	a := do(t, r, "POST", exportPath, body)
	if a.status != http.StatusOK || a.trailer.Get("Zgoda-Outcome") != "failed" {
		t.Errorf("cut off: %d %v", a.status, a.trailer)
	}
	if got := wanted(t, r, 200, "GET", requests+"/"+a.header.Get("Zgoda-Request"), ""); got.State != "in_progress" {
		t.Errorf("cut off, and it is %s", got.State)
	}
	if strings.Contains(r.Log.String(), "jana@") {
		t.Error("the log has who asked")
	}
}

// TestExportWaitsForReviewers: with reviewers nothing is handed out before they agree.
func TestExportWaitsForReviewers(t *testing.T) {
	r := consoletest.StartRequests(t, nil, func(c *rights.Config) { c.Reviewers = 1 })
	contact(t, r, "email:jana@example.org")
	a := do(t, r, "POST", exportPath, `{"identifier":"email:jana@example.org","reason":"letter 7"}`)
	var w waiting
	if a.json(t, &w); a.status != http.StatusAccepted || w.State != "pending" || w.Request == "" {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if a := do(t, r, "GET", requests+"/"+w.Request+"/export", ""); a.status != http.StatusAccepted {
		t.Errorf("by request: %d %s", a.status, a.body)
	}
}

// TestTransfer: to a host that is named, under a request of portability.
func TestTransfer(t *testing.T) {
	r := consoletest.StartRequests(t, nil, nil)
	contact(t, r, "email:jana@example.org")
	transfer := func(url string) answer {
		return do(t, r, "POST", "/api/v1/sites/demo/contacts:transfer", `{"identifier":"email:jana@example.org","reason":"letter 7","url":"`+url+`"}`)
	}
	if a := transfer("https://elsewhere.example/"); a.status != http.StatusUnprocessableEntity || !strings.Contains(a.body, "body.url") || strings.Contains(a.body, "elsewhere") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := do(t, r, "GET", requests+"?site=demo", ""); strings.Contains(a.body, "portability") {
		t.Error("a request was opened for a host that is not named")
	}
	r.Exports.Fail(nil, errors.New("status 507"))
	if a := transfer("https://other.example/inbox"); a.status != http.StatusBadGateway {
		t.Errorf("%d %s", a.status, a.body)
	}
	r.Exports.Fail(nil, nil)
	a := transfer("https://other.example/inbox")
	var w waiting
	if a.json(t, &w); a.status != http.StatusOK || w.State != "complete" || len(r.Exports.Sent) != 1 {
		t.Errorf("%d %s %v", a.status, a.body, r.Exports.Sent)
	}
}
