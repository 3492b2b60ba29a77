package opendsr_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/opendsr/spectest"
)

func refused(t *testing.T, err error, status int, reason string) {
	t.Helper()
	r, ok := errors.AsType[*spectest.Refusal](err)
	if !ok || r.HTTP != status || r.Code != status || r.Reason != reason {
		t.Errorf("%v, not %d %s", err, status, reason)
	}
	if ok && strings.Contains(r.Message, "canary") {
		t.Errorf("the refusal holds an identity: %s", r.Message)
	}
}

// TestErrors: each is of the shape of 7.6, with the status that HTTP has for it.
func TestErrors(t *testing.T) {
	x := setUp(t, options{})
	for name, c := range map[string]struct {
		change func(*spectest.Request)
		reason string
	}{
		"regulation":                   {func(r *spectest.Request) { r.Regulation = "" }, "regulation"},
		"id in capitals":               {func(r *spectest.Request) { r.ID = strings.ToUpper(r.ID) }, "subject_request_id"},
		"id of version 1":              {func(r *spectest.Request) { r.ID = "a7551968-d5d6-14b2-9831-815ac9017798" }, "subject_request_id"},
		"type":                         {func(r *spectest.Request) { r.Type = "deletion" }, "subject_request_type"},
		"time":                         {func(r *spectest.Request) { r.Submitted = "yesterday" }, "submitted_time"},
		"time to come":                 {func(r *spectest.Request) { r.Submitted = time.Now().Add(time.Hour).Format(time.RFC3339) }, "submitted_time"},
		"long ago":                     {func(r *spectest.Request) { r.Submitted = "2018-10-02T15:00:00Z" }, "submitted_time"},
		"version":                      {func(r *spectest.Request) { r.APIVersion = "3.0" }, "api_version"},
		"no identity":                  {func(r *spectest.Request) { r.Identities = nil }, "subject_identities"},
		"hashed":                       {func(r *spectest.Request) { r.Identities[0].Format = "sha256" }, "unsupported_identity"},
		"of a device":                  {func(r *spectest.Request) { r.Identities[0].Type = "android_id" }, "unsupported_identity"},
		"no address":                   {func(r *spectest.Request) { r.Identities[0].Value = "canary" }, "identity_value"},
		"callback":                     {func(r *spectest.Request) { r.Callbacks = []string{"https://other.example/cb"} }, "callback_not_allowed"},
		"callback that names somebody": {func(r *spectest.Request) { r.Callbacks = []string{x.callbacks.URL + "?of=" + canary} }, "callback_not_allowed"},
		"callback inside":              {func(r *spectest.Request) { r.Callbacks = []string{"http://169.254.169.254/"} }, "callback_not_allowed"},
		"callback in http": {func(r *spectest.Request) {
			r.Callbacks = []string{strings.Replace(x.callbacks.URL, "https", "http", 1)}
		}, "callback_not_allowed"},
		"several people": {func(r *spectest.Request) {
			r.Extensions = map[string]map[string]any{domain: {"identifiers": []string{"customer_id:17"}}}
		}, "several_people"},
	} {
		t.Run(name, func(t *testing.T) {
			r := x.erasure()
			c.change(r)
			_, err := x.Submit(t.Context(), r)
			refused(t, err, http.StatusBadRequest, c.reason)
		})
	}
	both := x.erasure() // two names of one person are one
	both.Identities = append(both.Identities, spectest.Identity{Type: "controller_customer_id", Value: "jana", Format: "raw"})
	x.submit(t, both)
	for name, body := range map[string]string{"empty": "", "list": "[]", "two": "{}{}", "cut": `{"regulation":`} {
		if _, _, err := x.Do(t.Context(), http.MethodPost, "", []byte(body)); err == nil {
			t.Errorf("%s: taken", name)
		} else if r, ok := errors.AsType[*spectest.Refusal](err); !ok || r.HTTP != http.StatusBadRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
	_, _, err := x.Do(t.Context(), http.MethodPost, "", []byte(`{"regulation":"`+strings.Repeat("x", 64<<10)+`"}`))
	refused(t, err, http.StatusRequestEntityTooLarge, "too_large")
	_, err = x.Status(t.Context(), "c7551968-d5d6-44b2-9831-815ac9017798")
	refused(t, err, http.StatusNotFound, "unknown_request")
	_, err = x.Status(t.Context(), "jana")
	refused(t, err, http.StatusBadRequest, "subject_request_id")
	_, _, err = x.Do(t.Context(), http.MethodPut, "/"+requestID, []byte("{}"))
	refused(t, err, http.StatusNotFound, "unknown_route")
}

// TestWhoMayCall: a token of the role, of a site with a controller, and of what that
// controller handed over.
func TestWhoMayCall(t *testing.T) {
	x := setUp(t, options{})
	x.submit(t, x.erasure())
	good := x.Token
	admin, err := x.store.CreateToken(t.Context(), control.RoleAdministrator, "anna")
	if err != nil {
		t.Fatal(err)
	}
	elsewhere, err := x.store.CreateSiteToken(t.Context(), "blog", "acme")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		token, reason string
		status        int
	}{
		"none": {"", "token_needed", http.StatusUnauthorized}, "wrong": {good + "x", "token_needed", http.StatusUnauthorized},
		"of an administrator": {admin, "wrong_role", http.StatusForbidden}, "of another site": {elsewhere, "unknown_controller", http.StatusForbidden},
	} {
		x.Token = c.token
		_, err := x.Submit(t.Context(), x.erasure())
		refused(t, err, c.status, c.reason)
		_, err = x.Status(t.Context(), requestID)
		refused(t, err, c.status, c.reason)
		_, err = x.Cancel(t.Context(), requestID)
		if err == nil {
			t.Errorf("%s: cancelled", name)
		}
	}
}

// TestClosed: while erasures are done again after a restore nobody is served, and
// signatures can be checked all the same.
func TestClosed(t *testing.T) {
	x := setUp(t, options{})
	r := x.erasure()
	r.Type = "access"
	x.submit(t, r)
	link := x.expect(t, requestID, "in_progress").ResultsURL
	x.closed.Store(true)
	_, err := x.Submit(t.Context(), x.erasure())
	refused(t, err, http.StatusServiceUnavailable, "restoring")
	_, err = x.Status(t.Context(), requestID)
	refused(t, err, http.StatusServiceUnavailable, "restoring")
	answer, err := x.HTTP.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("results: %d", answer.StatusCode)
	}
	if _, err := x.Discover(t.Context(), "https://"+domain+"/opendsr/v2/discovery"); err != nil {
		t.Error(err)
	}
}
