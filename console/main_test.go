package console_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/console"
	"zgoda/console/consoletest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is one answer, read whole.
type answer struct {
	status  int
	header  http.Header
	trailer http.Header
	body    string
}

func (a answer) json(t *testing.T, out any) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), out); err != nil {
		t.Fatalf("answer is not JSON: %v: %s", err, a.body)
	}
}

// problem reads an error answer and sees that it is one.
func (a answer) problem(t *testing.T) console.Problem {
	t.Helper()
	if got := a.header.Get("Content-Type"); got != "application/problem+json" {
		t.Fatalf("content type %q of %d: %s", got, a.status, a.body)
	}
	var p console.Problem
	a.json(t, &p)
	if p.Status != a.status || p.Title == "" {
		t.Fatalf("problem %+v of an answer %d", p, a.status)
	}
	return p
}

type call struct {
	method, path, body, token, mediaType, host string
	header                                     map[string]string
}

var client = &http.Client{
	Transport:     &http.Transport{DisableKeepAlives: true, ExpectContinueTimeout: 10 * time.Second},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func send(t *testing.T, r *consoletest.Running, c call) answer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), c.method, r.URL+c.path, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	if c.mediaType == "" {
		c.mediaType = "application/json"
	}
	req.Header.Set("Content-Type", c.mediaType)
	for k, v := range c.header {
		req.Header.Set(k, v)
	}
	req.Host = c.host
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, resp.Trailer, string(body)}
}

// do sends as the local administrator.
func do(t *testing.T, r *consoletest.Running, method, path, body string) answer {
	t.Helper()
	return send(t, r, call{method: method, path: path, body: body, token: r.Local.Reveal()})
}

// token makes a token with a role.
func token(t *testing.T, r *consoletest.Running, role console.Role) string {
	t.Helper()
	text, err := r.Tokens.CreateToken(t.Context(), role, "test")
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// contact makes a contact and returns its handle.
func contact(t *testing.T, r *consoletest.Running, identifier string) string {
	t.Helper()
	a := do(t, r, "POST", "/api/v1/sites/demo/contacts", `{"identifier":"`+identifier+`"}`)
	if a.status != http.StatusCreated {
		t.Fatalf("make a contact: %d %s", a.status, a.body)
	}
	var out struct{ Contact string }
	a.json(t, &out)
	return out.Contact
}
