package gateway

import (
	"bytes"
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/confirm"
)

// page answers as it is told and keeps what it was asked, copied.
type page struct {
	mu     sync.Mutex
	got    []confirm.Request
	answer confirm.Answer
}

func (p *page) Serve(_ context.Context, r *confirm.Request) confirm.Answer {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := *r
	for _, b := range []*[]byte{&c.Token, &c.Cookie, &c.Form, &c.Site, &c.Language} {
		*b = bytes.Clone(*b)
	}
	p.got = append(p.got, c)
	return p.answer
}

func (p *page) last(t *testing.T, n int) confirm.Request {
	t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.got) != n {
		t.Fatalf("%d requests reached the page, not %d", len(p.got), n)
	}
	return p.got[n-1]
}

// openPage is a gateway with a page, that limits loopback too when hasty.
func openPage(t *testing.T, a confirm.Answer, change func(*Config)) (*house, *page) {
	t.Helper()
	p := &page{answer: a}
	return openAll(t, change, func(d *Deps) { d.Confirmations = p }), p
}

var shown = confirm.Answer{Status: 200, Locale: "sk", Policy: "default-src 'none'", HTML: []byte("<h1>Ano</h1>")}

// TestConfirmReads: what the page is told of a request.
func TestConfirmReads(t *testing.T) {
	h, p := openPage(t, shown, nil)
	from := []string{"Cookie", "other=1; " + confirm.Cookie + "=carried", "Accept-Language", "sk, en;q=0.5", "Sec-Fetch-Site", "same-origin"}
	h.send(t, http.MethodGet, confirm.Path+"?t=a-token&l=en", "", from...)
	got := p.last(t, 1)
	if got.Path != confirm.Path || got.Post || got.Hasty || string(got.Token) != "a-token" || string(got.Cookie) != "carried" ||
		string(got.Site) != "same-origin" || string(got.Language) != "sk, en;q=0.5" || got.Form != nil {
		t.Error("GET was read otherwise")
	}
	h.send(t, http.MethodGet, confirm.Path, "")
	if got = p.last(t, 2); got.Token != nil || len(got.Cookie) != 0 {
		t.Error("a token or cookie from nowhere")
	}
	h.send(t, http.MethodGet, confirm.Path+"?t=", "")
	if got = p.last(t, 3); got.Token == nil || len(got.Token) != 0 {
		t.Error("an empty token counts as none")
	}
	h.send(t, http.MethodGet, confirm.DonePath+"?l=sk", "", "Accept-Language", "en")
	if got = p.last(t, 4); got.Path != confirm.DonePath || string(got.Language) != "sk" {
		t.Error("the language of the last page is not the one in its address")
	}
	h.send(t, http.MethodPost, confirm.Path, "x=1&form=the%20form&form=2", append(from, "Content-Type", "application/x-www-form-urlencoded")...)
	if got = p.last(t, 5); !got.Post || string(got.Form) != "the form" || string(got.Cookie) != "carried" {
		t.Error("POST was read otherwise")
	}
}

// TestConfirmAnswers: nobody keeps an answer, frames it, or learns the address it
// was at; no other site may read it.
func TestConfirmAnswers(t *testing.T) {
	h, p := openPage(t, shown, nil)
	r := h.send(t, http.MethodGet, confirm.Path, "", "Origin", origin)
	if r.status != 200 || string(r.body) != "<h1>Ano</h1>" {
		t.Fatalf("%d %s", r.status, r.body)
	}
	for name, want := range map[string]string{
		"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow",
		"Cross-Origin-Opener-Policy": "same-origin", "X-Frame-Options": "DENY", "Content-Security-Policy": "default-src 'none'",
		"Content-Language": "sk", "Content-Type": "text/html; charset=utf-8", "Vary": "Accept-Language, Cookie",
		"Access-Control-Allow-Origin": "", "Set-Cookie": "", "Retry-After": "",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("%s: %q, not %q", name, got, want)
		}
	}
	p.answer = confirm.Answer{Status: 303, Location: confirm.DonePath + "?l=sk"}
	if r = h.send(t, http.MethodGet, confirm.Path, ""); r.status != 303 || r.header.Get("Location") != confirm.DonePath+"?l=sk" || len(r.body) != 0 {
		t.Errorf("to the next page: %d %q", r.status, r.header.Get("Location"))
	}
	for _, status := range []int{429, 503} {
		p.answer = confirm.Answer{Status: status, HTML: []byte("later")}
		if r = h.send(t, http.MethodGet, confirm.Path, ""); r.status != status || r.header.Get("Retry-After") == "" {
			t.Errorf("%d, Retry-After %q", r.status, r.header.Get("Retry-After"))
		}
	}
}

// TestConfirmCookie: the token's cookie goes to this host alone, out of the reach
// of scripts, and is taken away again.
func TestConfirmCookie(t *testing.T) {
	set := confirm.Answer{Status: 303, Location: confirm.Path, SetCookie: true, Value: "v", Life: 90 * time.Second}
	h, p := openPage(t, set, nil)
	got := h.send(t, http.MethodGet, confirm.Path+"?t=x", "").header.Get("Set-Cookie")
	for _, part := range []string{confirm.Cookie + "=v;", "max-age=90", "path=/", "HttpOnly", "secure", "SameSite=Lax"} {
		if !strings.Contains(got, part) {
			t.Errorf("%s is not in %s", part, got)
		}
	}
	p.answer = confirm.Answer{Status: 200, SetCookie: true}
	got = h.send(t, http.MethodGet, confirm.Path, "").header.Get("Set-Cookie")
	if !strings.HasPrefix(got, confirm.Cookie+"=;") || !strings.Contains(got, "expires=Tue, 10 Nov 2009") {
		t.Errorf("taken away: %s", got)
	}
}

// TestConfirmRefuses: methods and bodies that do not belong there do not reach the
// page, and whoever is hasty reaches it without what they sent.
func TestConfirmRefuses(t *testing.T) {
	h, p := openPage(t, shown, nil)
	r := h.send(t, http.MethodPost, confirm.DonePath, "form=x")
	if r.problem(t, 405, ""); r.header.Get("Allow") == "" {
		t.Error("without Allow")
	}
	if r = h.send(t, http.MethodDelete, confirm.Path, ""); r.status != 405 {
		t.Errorf("DELETE: %d", r.status)
	}
	if r = h.send(t, http.MethodPost, confirm.Path, "form="+strings.Repeat("x", 1<<20)); r.status != 413 {
		t.Errorf("a megabyte: %d", r.status)
	}
	if n := len(p.got); n != 0 {
		t.Errorf("%d reached the page", n)
	}

	h, p = openPage(t, shown, func(c *Config) { c.LimitLoopback = true })
	for n := 1; ; n++ {
		h.send(t, http.MethodPost, confirm.Path, "form=x")
		if got := p.last(t, n); got.Hasty {
			if got.Form != nil {
				t.Error("the form of somebody hasty was read")
			}
			break
		}
		if n > 10_000 {
			t.Fatal("nobody is ever hasty")
		}
	}
}

// TestConfirmNeedsAService: without a mail server there is no such page.
func TestConfirmNeedsAService(t *testing.T) {
	h := open(t, nil)
	for _, path := range []string{confirm.Path, confirm.DonePath} {
		if r := h.send(t, http.MethodGet, path, ""); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

// TestProofPage: the page behind a link that proves who asks has a path and a cookie of
// its own, and none is there without it.
func TestProofPage(t *testing.T) {
	p := &page{answer: confirm.Answer{Status: 303, Location: confirm.ProofPath, SetCookie: true, Cookie: confirm.ProofCookie, Value: "token", Life: time.Minute}}
	h := openAll(t, nil, func(d *Deps) { d.Proofs = p })
	r := h.send(t, http.MethodGet, confirm.ProofPath+"?t=token", "", "Cookie", confirm.Cookie+"=other; "+confirm.ProofCookie+"=carried")
	if got := p.last(t, 1); got.Path != confirm.ProofPath || string(got.Token) != "token" || string(got.Cookie) != "carried" {
		t.Errorf("GET was read otherwise: %s", got.Cookie)
	}
	if got := r.header.Get("Set-Cookie"); r.status != 303 || !strings.HasPrefix(got, confirm.ProofCookie+"=token;") || !strings.Contains(got, "HttpOnly") {
		t.Errorf("%d %s", r.status, got)
	}
	p.answer = shown
	h.send(t, http.MethodPost, confirm.ProofPath, "form=the%20form")
	if got := p.last(t, 2); !got.Post || string(got.Form) != "the form" {
		t.Error("POST was read otherwise")
	}
	h.send(t, http.MethodGet, confirm.ProvenPath+"?l=sk", "", "Accept-Language", "en")
	if got := p.last(t, 3); string(got.Language) != "sk" {
		t.Error("the last page's language")
	}
	if r := h.send(t, http.MethodPost, confirm.ProvenPath, "form=x"); r.status != 405 {
		t.Errorf("POST of the last page: %d", r.status)
	}
	for _, path := range []string{confirm.ProofPath, confirm.ProvenPath} {
		if r := open(t, nil).send(t, http.MethodGet, path, ""); r.status != 404 {
			t.Errorf("%s without a mail server: %d", path, r.status)
		}
	}
}

// TestWithdrawPage: the footer's link reaches its page, whole, by GET and by the
// one click that mail programs send (RFC 8058), and none is there without it.
func TestWithdrawPage(t *testing.T) {
	p := &page{answer: shown}
	h := openAll(t, nil, func(d *Deps) { d.Footers = p })
	r := h.send(t, http.MethodGet, confirm.WithdrawPath+"?t=sealed", "", "Accept-Language", "sk")
	if got := p.last(t, 1); r.status != 200 || r.header.Get("Referrer-Policy") != "no-referrer" || got.Post || string(got.Token) != "sealed" || got.Path != confirm.WithdrawPath {
		t.Errorf("GET: %d", r.status)
	}
	r = h.send(t, http.MethodPost, confirm.WithdrawPath+"?t=sealed", "List-Unsubscribe=One-Click", "Content-Type", "application/x-www-form-urlencoded")
	if got := p.last(t, 2); r.status != 200 || !got.Post || string(got.Token) != "sealed" {
		t.Errorf("POST: %d", r.status)
	}
	none, _ := openPage(t, shown, nil)
	if r := none.send(t, http.MethodGet, confirm.WithdrawPath+"?t=sealed", ""); r.status != http.StatusNotFound {
		t.Errorf("without footers: %d", r.status)
	}
}
