package own_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/rights"
	"zgoda/rights/own"
)

// world is what a desk is given.
type world struct {
	linked bool
	lost   error // of looking whether it is linked
	err    error
	state  control.RequestState
	opened []rights.Opening
	byMail func(site event.SiteID, right control.Right, address, locale string) error
}

func (w *world) desk(t *testing.T) *own.Desk {
	t.Helper()
	d, err := own.New(own.Deps{
		Site: func(key []byte, loopback bool) (own.Site, bool) {
			return own.Site{ID: "shop", Listed: func(o []byte) bool { return string(o) == "https://shop.example" }}, string(key) == "pk" || string(key) == "local" && loopback
		},
		Visitor: func(site event.SiteID, c []byte, _ time.Time) ([16]byte, bool) {
			return [16]byte{7}, site == "shop" && string(c) == "signed"
		},
		Linked: func(context.Context, event.SiteID, [16]byte, time.Time) (bool, error) { return w.linked, w.lost },
		Open: func(_ context.Context, o rights.Opening) (control.Request, error) {
			w.opened = append(w.opened, o)
			return control.Request{ID: control.RequestID{1}, State: w.state, Deadline: time.Unix(1, 0).UTC()}, w.err
		},
		ByMail: w.byMail,
		Results: func(context.Context, control.Request) (func(io.Writer) error, error) {
			return func(to io.Writer) error { _, err := io.WriteString(to, "held"); return err }, nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func request(right string) *own.Request {
	return &own.Request{
		Origin: []byte("https://shop.example"), FetchSite: []byte("same-origin"), Visitor: []byte("signed"), At: time.Now(),
		Body: []byte(`{"key":"pk","right":"` + right + `"}`),
	}
}

// TestTaken: each right becomes a request about the visitor of the cookie alone, which
// proves who asks.
func TestTaken(t *testing.T) {
	for right, c := range map[string]struct {
		state  control.RequestState
		status int
		forget bool
	}{
		"erasure": {control.RequestRunning, http.StatusAccepted, true}, "objection": {control.RequestComplete, http.StatusOK, false},
		"access": {control.RequestRunning, http.StatusOK, false},
	} {
		w := &world{state: c.state}
		a := w.desk(t).Serve(t.Context(), request(right))
		if a.Status != c.status || a.Forget != c.forget || !a.OriginListed || len(w.opened) != 1 {
			t.Fatalf("%s: %+v", right, a)
		}
		o := w.opened[0]
		if string(o.Right) != right || o.Who.Kind != event.KindVisitor || o.Who.Value != string(append([]byte{7}, make([]byte, 15)...)) || o.Proof != "cookie" || o.Origin != "self" || !o.Once {
			t.Errorf("%s: opened with %s %s %s", right, o.Right, o.Proof, o.Origin)
		}
		if right != "access" {
			if a.Told == nil || a.Told.State != string(c.state) || a.Told.Right != right {
				t.Errorf("%s: told %+v", right, a.Told)
			}
			continue
		}
		var got strings.Builder
		if err := a.Results(&got); err != nil || got.String() != "held" {
			t.Errorf("results %q: %v", got.String(), err)
		}
	}
}

// TestAgain: a second request about the same is the first one.
func TestAgain(t *testing.T) {
	w := &world{state: control.RequestRunning, err: control.ErrOpen}
	if a := w.desk(t).Serve(t.Context(), request("erasure")); a.Status != http.StatusAccepted || a.Told == nil {
		t.Errorf("%+v", a)
	}
}

// TestNothingOfContacts: what is held of a contact is not given to its browser, nor
// erased by it; to object is everybody's.
func TestNothingOfContacts(t *testing.T) {
	for _, right := range []string{"access", "erasure"} {
		w := &world{state: control.RequestRunning, linked: true}
		if a := w.desk(t).Serve(t.Context(), request(right)); a.Status != http.StatusConflict || a.Results != nil || a.Forget || len(w.opened) != 0 {
			t.Errorf("%s: %+v", right, a)
		}
		w = &world{state: control.RequestRunning, lost: errors.New("away")}
		if a := w.desk(t).Serve(t.Context(), request(right)); a.Status != http.StatusServiceUnavailable || len(w.opened) != 0 {
			t.Errorf("%s: %+v", right, a)
		}
	}
	w := &world{state: control.RequestRunning, linked: true}
	if a := w.desk(t).Serve(t.Context(), request("objection")); a.Status != http.StatusAccepted {
		t.Errorf("%+v", a)
	}
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*own.Request)
		status int
		field  string
		listed bool
	}{
		"no body":         {func(r *own.Request) { r.Body = nil }, 400, "body", false},
		"two bodies":      {func(r *own.Request) { r.Body = append(r.Body, r.Body...) }, 400, "body", false},
		"a member more":   {func(r *own.Request) { r.Body = []byte(`{"key":"pk","right":"erasure","contact":"c_1"}`) }, 400, "body", false},
		"key":             {func(r *own.Request) { r.Body = []byte(`{"key":"sk","right":"erasure"}`) }, 401, "key", false},
		"loopback's key":  {func(r *own.Request) { r.Body = []byte(`{"key":"local","right":"erasure"}`) }, 401, "key", false},
		"no origin":       {func(r *own.Request) { r.Origin = nil }, 403, "Origin", false},
		"another origin":  {func(r *own.Request) { r.Origin = []byte("https://evil.example") }, 403, "Origin", false},
		"cross-site":      {func(r *own.Request) { r.FetchSite = []byte("cross-site") }, 403, "Sec-Fetch-Site", false},
		"right":           {func(r *own.Request) { r.Body = []byte(`{"key":"pk","right":"rectification"}`) }, 400, "right", true},
		"no cookie":       {func(r *own.Request) { r.Visitor = nil }, 403, "Cookie", true},
		"unsigned cookie": {func(r *own.Request) { r.Visitor = []byte("other") }, 403, "Cookie", true},
	} {
		w := &world{state: control.RequestRunning}
		r := request("erasure")
		c.change(r)
		a := w.desk(t).Serve(t.Context(), r)
		if a.Status != c.status || a.Field != c.field || a.OriginListed != c.listed || a.Forget || len(w.opened) != 0 {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

// TestAway: nothing is promised, and the cookie stays.
func TestAway(t *testing.T) {
	for _, right := range []string{"erasure", "access"} {
		w := &world{err: errors.New("away")}
		if a := w.desk(t).Serve(t.Context(), request(right)); a.Status != http.StatusServiceUnavailable || !a.Retry || a.Forget {
			t.Errorf("%s: %+v", right, a)
		}
	}
}

// TestByMail: a right is used with an address and without a cookie; the answer is the
// same whoever has the address, and names no request.
func TestByMail(t *testing.T) {
	w := &world{}
	var got []string
	var fails error
	w.byMail = func(site event.SiteID, right control.Right, address, locale string) error {
		got = append(got, string(site)+" "+string(right)+" "+address+" "+locale)
		return fails
	}
	body := func(right, more string) *own.Request {
		r := request(right)
		r.Visitor, r.Body = nil, []byte(`{"key":"pk","right":"`+right+`","address":"jana@person.example"`+more+`}`)
		return r
	}
	for _, right := range []string{"access", "erasure", "restriction", "portability", "objection", "automated", "withdrawal"} {
		a := w.desk(t).Serve(t.Context(), body(right, `,"locale":"pl"`))
		if a.Status != http.StatusAccepted || a.Told == nil || a.Told.Request != "" || a.Told.State != "identity_unverified" || a.Told.Mail == "" || a.Forget || a.Results != nil || !a.OriginListed {
			t.Errorf("%s: %+v", right, a)
		}
		if len(got) == 0 || got[len(got)-1] != "shop "+right+" jana@person.example pl" || len(w.opened) != 0 {
			t.Errorf("%s: %v", right, got)
		}
	}
	for name, c := range map[string]struct {
		right, more, field string
		fails              error
		status             int
	}{
		"a right that needs more": {"rectification", "", "right", nil, 400}, "a locale": {"erasure", `,"locale":"` + strings.Repeat("x", 36) + `"`, "locale", nil, 400},
		"no address": {"erasure", "", "address", own.ErrAddress, 400}, "busy": {"erasure", "", "", own.ErrBusy, 503},
	} {
		fails = c.fails
		if a := w.desk(t).Serve(t.Context(), body(c.right, c.more)); a.Status != c.status || a.Field != c.field {
			t.Errorf("%s: %+v", name, a)
		}
	}
	w.byMail = nil
	if a := w.desk(t).Serve(t.Context(), body("erasure", "")); a.Status != http.StatusBadRequest || a.Field != "address" {
		t.Errorf("without a mail server: %+v", a)
	}
}
