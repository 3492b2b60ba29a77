package gateway

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"zgoda/consent/cookie"
	"zgoda/rights/own"
)

// ownDesk answers as it is told and keeps what it was asked, copied.
type ownDesk struct {
	got    own.Request
	calls  int
	answer own.Answer
}

func (d *ownDesk) Serve(_ context.Context, r *own.Request) own.Answer {
	d.calls++
	d.got = *r
	for _, b := range []*[]byte{&d.got.Origin, &d.got.FetchSite, &d.got.Visitor, &d.got.Body} {
		*b = bytes.Clone(*b)
	}
	return d.answer
}

var told = &own.Told{Request: "r_1", Right: "erasure", State: "in_progress", Deadline: time.Unix(1, 0).UTC()}

// TestOwnRights: what the desk is told of a request, and the browser of its answer.
func TestOwnRights(t *testing.T) {
	d := &ownDesk{answer: own.Answer{Status: 202, OriginListed: true, Told: told, Forget: true}}
	h := openAll(t, nil, func(deps *Deps) { deps.Own = d })
	from := []string{"Origin", "https://shop.example", "Sec-Fetch-Site", "same-site", "Cookie", cookie.Visitor + "=signed", "Content-Type", "application/json"}
	a := h.send(t, http.MethodPost, "/rights", `{"right":"erasure"}`, from...)
	if string(d.got.Origin) != "https://shop.example" || string(d.got.FetchSite) != "same-site" || string(d.got.Visitor) != "signed" || string(d.got.Body) != `{"right":"erasure"}` || !d.got.Loopback {
		t.Errorf("asked %s %s %s", d.got.Origin, d.got.FetchSite, d.got.Body)
	}
	if a.status != 202 || !strings.Contains(string(a.body), `"request":"r_1"`) || a.header.Get("Cache-Control") != "no-store" || a.header.Get("Access-Control-Allow-Origin") != "https://shop.example" {
		t.Errorf("%d %s %v", a.status, a.body, a.header)
	}
	if c := a.header.Get("Set-Cookie"); !strings.HasPrefix(c, cookie.Visitor+"=;") || !strings.Contains(c, "expires=") {
		t.Errorf("the cookie is not taken away: %q", c)
	}
	d.answer = own.Answer{Status: 200, OriginListed: true, Results: func(to io.Writer) error { _, err := io.WriteString(to, `{"held":[]}`); return err }}
	if a := h.send(t, http.MethodPost, "/rights", `{}`, from...); a.status != 200 || string(a.body) != `{"held":[]}` || a.header.Get("Set-Cookie") != "" {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, size := range []int{0, 1, 1 << 20} {
		d.answer.Results = func(to io.Writer) error {
			_, err := to.Write(make([]byte, size))
			return errors.Join(err, errors.New("cut off"))
		}
		if n, err := h.rights(t); err == nil {
			t.Errorf("what is cut off after %d bytes ends as what is whole, after %d", size, n)
		}
	}
	d.answer = own.Answer{Status: 503, Retry: true, Title: "Not now"}
	if a := h.send(t, http.MethodPost, "/rights", `{}`, from...); a.status != 503 || a.header.Get("Retry-After") == "" || a.header.Get("Access-Control-Allow-Origin") != "" || !strings.Contains(string(a.body), "Not now") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// rights asks for a right, and reads the answer to its end.
func (h *house) rights(t *testing.T) (int, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.url+"/rights", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return 0, err
	}
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	return len(body), err
}

// TestOwnRightsAreLimited: by address, beside the choices, and by the body's length.
func TestOwnRightsAreLimited(t *testing.T) {
	d := &ownDesk{answer: own.Answer{Status: 202, Told: told}}
	h := openAll(t, func(c *Config) { c.ChoicesPerMinute, c.LimitLoopback = 2, true }, func(deps *Deps) { deps.Own = d })
	if a := h.send(t, http.MethodGet, "/rights", ""); a.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", a.status)
	}
	if a := h.send(t, http.MethodPost, "/rights", strings.Repeat("x", choiceBytes+1)); a.status != http.StatusRequestEntityTooLarge || d.calls != 0 {
		t.Errorf("a long body: %d", a.status)
	}
	h.send(t, http.MethodPost, "/rights", "{}")
	a := h.send(t, http.MethodPost, "/rights", "{}")
	if a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || d.calls != 1 {
		t.Errorf("the third: %d, %d calls", a.status, d.calls)
	}
	none := openAll(t, nil, func(*Deps) {})
	if a := none.send(t, http.MethodPost, "/rights", "{}"); a.status != http.StatusNotFound {
		t.Errorf("without a desk: %d", a.status)
	}
}
