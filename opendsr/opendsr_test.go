package opendsr_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/opendsr/spectest"
)

const requestID = "a7551968-d5d6-44b2-9831-815ac9017798"

// erasure is a request as the specification's example is.
func (x *system) erasure() *spectest.Request {
	return &spectest.Request{
		Regulation: "gdpr", ID: requestID, Type: "erasure", Submitted: time.Now().Add(-time.Hour).UTC().Format(time.RFC3339), APIVersion: "2.0",
		Identities: []spectest.Identity{{Type: "email", Value: canary, Format: "raw"}}, Callbacks: []string{x.callbacks.URL},
	}
}

func (x *system) submit(t *testing.T, r *spectest.Request) spectest.Answer {
	t.Helper()
	a, err := x.Submit(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (x *system) expect(t *testing.T, id, status string) spectest.Answer {
	t.Helper()
	a, err := x.Status(t.Context(), id)
	if err != nil || a.Status != status {
		t.Fatalf("status %q, not %q: %v", a.Status, status, err)
	}
	return a
}

// told waits for the statuses that callbacks tell.
func (x *system) told(t *testing.T, id string, want ...string) {
	t.Helper()
	var got []string
	var err error
	for end := time.Now().Add(2 * time.Minute); time.Now().Before(end); time.Sleep(2 * time.Millisecond) {
		if got, err = x.callbacks.Told(id); err == nil && slices.Equal(got, want) {
			return
		}
	}
	t.Fatalf("callbacks told %v, not %v: %v", got, want, err)
}

// request returns the one request that there is.
func (x *system) request(t *testing.T) control.Request {
	t.Helper()
	list, err := x.store.Requests(t.Context(), control.RequestQuery{})
	if err != nil || len(list) == 0 {
		t.Fatalf("requests %+v: %v", list, err)
	}
	return list[0]
}

// TestConformance goes the way of the specification: discovery, request, status,
// callbacks, by RSA and ECDSA and under the names that it had before.
func TestConformance(t *testing.T) {
	for name, o := range map[string]options{
		"rsa": {}, "ecdsa": {ecdsa: true}, "short": {dialect: "/opendsr_requests OpenDSR"}, "under v2": {dialect: "/opendsr/v2/opendsr_requests OpenDSR"},
		"OpenGDPR": {dialect: "/opengdpr_requests OpenGDPR"}, "OpenCompliance": {dialect: "/opencompliance_requests OpenCompliance"},
	} {
		t.Run(name, func(t *testing.T) {
			x := setUp(t, o)
			r := x.erasure()
			if strings.HasPrefix(name, "Open") {
				r.APIVersion, r.Regulation = "1.0", ""
				x.callbacks.Controller = &spectest.Controller{Header: "OpenDSR", Domain: domain, Roots: x.ca.roots, HTTP: x.client(t)}
				if _, err := x.callbacks.Controller.Discover(t.Context(), "https://"+domain+"/opendsr/v2/discovery"); err != nil {
					t.Fatal(err)
				}
			}
			x.callbacks.Fail = 2
			a := x.submit(t, r)
			if a.Controller != "acme" || !a.Expected.After(time.Now().AddDate(0, 0, 26)) {
				t.Errorf("answer %+v", a)
			}
			request := x.request(t)
			if request.Origin != "opendsr" || request.Right != control.RightErasure || request.ProofBy != "opendsr:acme" || request.Site != "shop" {
				t.Errorf("request %+v", request)
			}
			x.expect(t, requestID, "in_progress")
			x.told(t, requestID, "in_progress") // of a status that has passed, nobody is told
			if err := x.store.CompleteWith(t.Context(), request.ID, []byte("{}"), time.Now(), time.Now()); err != nil {
				t.Fatal(err)
			}
			x.expect(t, requestID, "completed")
			x.told(t, requestID, "in_progress", "completed")
		})
	}
}

// TestDiscovery: what is not done is not offered.
func TestDiscovery(t *testing.T) {
	for without, want := range map[bool][]string{false: {"access", "erasure", "portability"}, true: {"erasure"}} {
		x := setUp(t, options{without: without})
		d, err := x.Discover(t.Context(), "https://"+domain+"/opendsr/v2/discovery")
		if err != nil || !slices.Equal(d.Types, want) || d.APIVersion != "2.0" {
			t.Errorf("discovery %+v: %v", d, err)
		}
		for _, id := range d.Identities {
			if id.Format != "raw" {
				t.Errorf("offers %+v", id)
			}
		}
		if fmt.Sprint(d.Extensions[domain]["rights"]) != "[restriction]" {
			t.Errorf("extensions %v", d.Extensions)
		}
		r := x.erasure()
		r.Type = "access"
		_, err = x.Submit(t.Context(), r)
		if without {
			refused(t, err, http.StatusBadRequest, "unsupported_right")
		} else if err != nil {
			t.Error(err)
		}
	}
}

// TestHandedOverAgain: the same request again changes nothing; another one under its
// id is refused.
func TestHandedOverAgain(t *testing.T) {
	x := setUp(t, options{})
	r := x.erasure()
	first, again := x.submit(t, r), x.submit(t, r)
	if !first.Received.Equal(again.Received) || !first.Expected.Equal(again.Expected) {
		t.Errorf("%+v\n%+v", first, again)
	}
	if list, err := x.store.Requests(t.Context(), control.RequestQuery{}); err != nil || len(list) != 1 {
		t.Errorf("%d requests: %v", len(list), err)
	}
	r.Identities[0].Value = "petr.canary@person.example"
	_, err := x.Submit(t.Context(), r)
	refused(t, err, http.StatusConflict, "id_taken")
	second := x.erasure()
	second.ID = "b7551968-d5d6-44b2-9831-815ac9017798"
	x.submit(t, second) // about the same person: the first one's fate is its own
	x.expect(t, second.ID, "in_progress")
	_, err = x.Cancel(t.Context(), second.ID)
	refused(t, err, http.StatusConflict, "too_late")
	for _, o := range []string{requestID, second.ID} {
		kept, found, err := x.store.OpenDSR(t.Context(), "acme", o)
		if err != nil || !found || strings.Contains(fmt.Sprintf("%+v", kept), "canary") {
			t.Errorf("kept %+v, %v: %v", kept, found, err)
		}
	}
}

// TestNobodyKnown: of whom nothing is held the request is done, and says that there
// was nothing.
func TestNobodyKnown(t *testing.T) {
	x := setUp(t, options{})
	r := x.erasure()
	r.Identities[0].Value = "nobody@person.example"
	x.submit(t, r)
	a := x.expect(t, requestID, "completed")
	if a.Count == nil || *a.Count != 0 {
		t.Errorf("count %v", a.Count)
	}
	x.told(t, requestID, "completed")
	_, err := x.Cancel(t.Context(), requestID)
	refused(t, err, http.StatusConflict, "too_late")
	if list, err := x.store.Requests(t.Context(), control.RequestQuery{}); err != nil || len(list) != 0 {
		t.Errorf("requests %+v: %v", list, err)
	}
}

// TestCancel: while it may be taken back, and again; not later.
func TestCancel(t *testing.T) {
	x := setUp(t, options{undo: time.Hour})
	x.submit(t, x.erasure())
	x.expect(t, requestID, "pending")
	for range 2 {
		if _, err := x.Cancel(t.Context(), requestID); err != nil {
			t.Fatal(err)
		}
	}
	x.expect(t, requestID, "cancelled")
	x.told(t, requestID, "cancelled")
	if r := x.request(t); r.State != control.RequestCancelled {
		t.Errorf("the request is %s", r.State)
	}
	_, err := x.Cancel(t.Context(), "c7551968-d5d6-44b2-9831-815ac9017798")
	refused(t, err, http.StatusNotFound, "unknown_request")
}

// TestRefusalIsSaid: a request that is refused is cancelled in the specification's
// words, with the ground in our extension.
func TestRefusalIsSaid(t *testing.T) {
	x := setUp(t, options{undo: time.Hour})
	x.submit(t, x.erasure())
	r := x.request(t)
	r.State, r.Ground = control.RequestDenied, "legal_obligation"
	if err := x.store.ChangeRequest(t.Context(), r, control.RequestHistory{Request: r.ID, Act: "deny"}); err != nil {
		t.Fatal(err)
	}
	a := x.expect(t, requestID, "cancelled")
	if a.Extensions[domain]["denied"] != "legal_obligation" {
		t.Errorf("extensions %v", a.Extensions)
	}
}

// TestResults: a link from the status gives what was asked for while the request is
// in progress, without a token, and to nobody who changed it.
func TestResults(t *testing.T) {
	x := setUp(t, options{})
	r := x.erasure()
	r.Type = "access"
	x.submit(t, r)
	a := x.expect(t, requestID, "in_progress")
	answer, err := x.HTTP.Get(a.ResultsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var got struct{ Request string }
	if err := json.NewDecoder(answer.Body).Decode(&got); err != nil || got.Request != x.request(t).ID.String() {
		t.Errorf("results %d %+v: %v", answer.StatusCode, got, err)
	}
	for _, bad := range []string{
		strings.Replace(a.ResultsURL, "until=1", "until=2", 1), a.ResultsURL + "x", strings.Replace(a.ResultsURL, "acme", "other", 1),
		strings.Replace(a.ResultsURL, "t=", "u=", 1), strings.Replace(a.ResultsURL, requestID, "b7551968-d5d6-44b2-9831-815ac9017798", 1),
	} {
		answer, err := x.HTTP.Get(bad)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
		if answer.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", bad, answer.StatusCode)
		}
	}
	if err := x.rights.Finish(t.Context(), x.request(t).ID, nil); err != nil {
		t.Fatal(err)
	}
	x.expect(t, requestID, "completed")
	if _, err := x.Discover(t.Context(), a.ResultsURL); err == nil {
		t.Error("the link is good after the request was completed")
	}
}

// TestResultsAreInNoOutbox: a callback has a link to what is held of a person, the same
// at each try, and what is kept to be sent opens nothing and names nobody.
func TestResultsAreInNoOutbox(t *testing.T) {
	x := setUp(t, options{})
	x.callbacks.Fail = 2
	r := x.erasure()
	r.Type = "access"
	x.submit(t, r)
	x.told(t, requestID, "in_progress")
	link := x.callbacks.Results(requestID)
	kept, err := x.store.NoticesOf(t.Context(), x.request(t).ID)
	if err != nil || len(kept) == 0 {
		t.Fatal(len(kept), err)
	}
	_, token, _ := strings.Cut(link, "t=")
	for _, n := range kept {
		if strings.Contains(n.Body, "results_url") || token == "" || strings.Contains(n.Body, token) || strings.Contains(n.Body+n.Recipient, canary) {
			t.Errorf("kept: %s %s", n.Recipient, n.Body)
		}
	}
	answer, err := x.HTTP.Get(link)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("the link of a callback: %d", answer.StatusCode)
	}
}

// TestOurExtension: a right that the specification has no word for, and kinds of
// identifiers that it does not list.
func TestOurExtension(t *testing.T) {
	x := setUp(t, options{})
	r := x.erasure()
	r.Identities = nil
	r.Extensions = map[string]map[string]any{
		domain:           {"right": "restriction", "identifiers": []string{"phone:+421900123456"}},
		"others.example": {"right": "erasure"},
	}
	x.submit(t, r)
	if got := x.request(t); got.Right != control.RightRestriction || got.Handle[0] != 3 {
		t.Errorf("request %+v", got)
	}
	for name, c := range map[string]struct {
		extension map[string]any
		reason    string
	}{
		"not done here": {map[string]any{"right": "rectification"}, "unsupported_right"},
		"no right":      {map[string]any{"right": "deletion"}, "unsupported_right"},
		"no kind":       {map[string]any{"identifiers": []string{"fax:1"}}, "unsupported_identity"},
		"a visitor":     {map[string]any{"identifiers": []string{"visitor:1"}}, "unsupported_identity"},
		"of a shape":    {map[string]any{"identifiers": 7}, "extensions"},
		"some purposes": {map[string]any{"right": "restriction", "purposes": []string{"marketing"}}, "extensions"},
	} {
		r := x.erasure()
		r.ID = "c7551968-d5d6-44b2-9831-815ac9017798"
		r.Extensions = map[string]map[string]any{domain: c.extension}
		_, err := x.Submit(t.Context(), r)
		if err == nil {
			t.Errorf("%s: taken", name)
			continue
		}
		refused(t, err, http.StatusBadRequest, c.reason)
	}
}
