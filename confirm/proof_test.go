package confirm_test

import (
	"context"
	"errors"
	"log/slog"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/confirm"
	"zgoda/control"
	"zgoda/event"
	"zgoda/mail"
)

// asked stands for requests of data subjects: one contact, by one address.
type asked struct {
	mu       sync.Mutex
	requests map[control.RequestID]control.Request
	kept     string
	fail     error
	proven   int
}

func (a *asked) Open(_ context.Context, s event.SiteID, right control.Right, to string) (control.Request, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if to != address || a.fail != nil {
		return control.Request{}, false, a.fail
	}
	for _, r := range a.requests {
		if r.Right == right {
			return r, true, nil
		}
	}
	r := control.Request{ID: control.RequestID{byte(len(a.requests) + 1)}, Site: s, Right: right, State: control.RequestUnverified, Handle: handle(event.KindEmail, to)}
	a.requests[r.ID] = r
	return r, true, nil
}

func (a *asked) Request(_ context.Context, id control.RequestID) (control.Request, bool, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	r, found := a.requests[id]
	return r, found, a.fail
}

func (a *asked) Prove(_ context.Context, id control.RequestID) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	r := a.requests[id]
	switch {
	case a.fail != nil:
		return a.fail
	case r.State != control.RequestUnverified:
		return confirm.ErrNotWaiting
	}
	r.State = control.RequestRunning
	a.requests[id] = r
	a.proven++
	return nil
}

func (a *asked) Kept(context.Context, control.RequestID) (string, error) { return a.kept, a.fail }

func (a *asked) one(t *testing.T) control.Request {
	t.Helper()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range a.requests {
		return r
	}
	t.Fatal("there is no request")
	return control.Request{}
}

// safePost keeps mails that a goroutine sends.
type safePost struct {
	mu sync.Mutex
	post
}

func (p *safePost) Send(ctx context.Context, m mail.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.post.Send(ctx, m)
}

type proofs struct {
	*confirm.Proofs
	asked *asked
	post  *safePost
	store *control.Store
	reg   *prometheus.Registry
	key   []byte
	now   time.Time
}

func startProofs(t *testing.T) *proofs {
	t.Helper()
	b := start(t)
	p := &proofs{
		asked: &asked{requests: map[control.RequestID]control.Request{}}, post: &safePost{}, store: b.store, reg: prometheus.NewRegistry(), now: b.now,
	}
	cfg := confirm.DefaultConfig()
	cfg.Links = "https://shop.example"
	var err error
	if p.key, err = confirm.OpenKey(filepath.Join(t.TempDir(), "keys", "links.key")); err != nil {
		t.Fatal(err)
	}
	p.Proofs, err = confirm.NewProofs(cfg, confirm.ProofDeps{
		Requests: p.asked, Links: p.store, Mail: p.post, Key: p.key, Logger: slog.New(slog.DiscardHandler), Registerer: p.reg,
		Sites: func(id event.SiteID) (confirm.Site, bool) { return b.site, id == site },
		Find: func(_ context.Context, _ event.SiteID, to string) (event.Handle, bool, error) {
			return handle(event.KindEmail, to), true, p.asked.fail
		},
		Normal: func(to string) (string, error) {
			if !strings.Contains(to, "@") {
				return "", errors.New("not an address")
			}
			return strings.ReplaceAll(strings.ToLower(to), "\u212a", "k"), nil
		},
		Now: func() time.Time { return p.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// settle does what was asked so far.
func (p *proofs) settle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := p.Run(ctx); err != nil {
		t.Fatal(err)
	}
}

var proofLink = regexp.MustCompile(`https://shop\.example/rights/confirm\?t=([A-Za-z0-9_-]+)\n`)

// send mails a link and returns its token.
func (p *proofs) send(t *testing.T, right control.Right, locale string) string {
	t.Helper()
	before := len(p.post.mails)
	if err := p.Ask(site, right, address, locale); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	if len(p.post.mails) != before+1 {
		t.Fatalf("%d mails", len(p.post.mails)-before)
	}
	found := proofLink.FindStringSubmatch(p.post.mails[before].Text)
	if found == nil {
		t.Fatal("the mail has no link")
	}
	return found[1]
}

func (p *proofs) get(t *testing.T, cookie string) confirm.Answer {
	t.Helper()
	return p.Serve(t.Context(), &confirm.Request{Path: confirm.ProofPath, Cookie: []byte(cookie)})
}

func (p *proofs) press(t *testing.T, cookie, form string) confirm.Answer {
	t.Helper()
	return p.Serve(t.Context(), &confirm.Request{Path: confirm.ProofPath, Post: true, Cookie: []byte(cookie), Form: []byte(form)})
}

func formIn(t *testing.T, a confirm.Answer) string {
	t.Helper()
	found := field.FindSubmatch(a.HTML)
	if a.Status != 200 || found == nil {
		t.Fatalf("the page: %d", a.Status)
	}
	return string(found[1])
}

// another is a form that was never made: its first letter is another.
func another(form string) string {
	if form[0] == 'x' {
		return "y" + form[1:]
	}
	return "x" + form[1:]
}

// TestProof: the link proves the request by its button alone, once; whatever opens it
// proves nothing. Neither the mail nor the link nor the page names the person.
func TestProof(t *testing.T) {
	for locale, words := range map[string]string{"en": "to erase the data about you, for good", "pl": "o trwałe usunięcie danych o Tobie", "sk": "natrvalo vymazať údaje o vás"} {
		p := startProofs(t)
		token := p.send(t, control.RightErasure, locale)
		m := p.post.mails[0]
		if m.To != address || !strings.Contains(m.Text, words) || strings.Contains(m.Text+m.Subject, "canary") || m.Locale != locale {
			t.Errorf("%s: the mail to %s", locale, m.To)
		}
		a := p.Serve(t.Context(), &confirm.Request{Path: confirm.ProofPath, Token: []byte(token)})
		if a.Status != 303 || a.Location != confirm.ProofPath || !a.SetCookie || a.Cookie != confirm.ProofCookie || a.Value != token {
			t.Errorf("the link: %+v", a)
		}
		a = p.get(t, token)
		if html := string(a.HTML); !strings.Contains(html, words) || strings.Contains(html, "canary") || a.Locale != locale || !strings.Contains(html, `action="/rights/confirm"`) {
			t.Errorf("%s: the page is\n%s", locale, html)
		}
		if p.asked.proven != 0 {
			t.Fatal("opening the link proves who asks")
		}
		form := formIn(t, a)
		for name, r := range map[string]confirm.Request{
			"without the form": {}, "of another form": {Form: []byte(another(form))}, "from another site": {Form: []byte(form), Site: []byte("cross-site")},
		} {
			r.Path, r.Post, r.Cookie = confirm.ProofPath, true, []byte(token)
			if a := p.Serve(t.Context(), &r); a.Status != 410 || p.asked.proven != 0 {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
		if a = p.press(t, token, form); a.Status != 303 || a.Location != confirm.ProvenPath+"?l="+locale || p.asked.one(t).State != control.RequestRunning {
			t.Errorf("pressed: %+v", a)
		}
		if a = p.press(t, token, form); a.Status != 410 || p.asked.proven != 1 {
			t.Errorf("pressed again: %d, proven %d times", a.Status, p.asked.proven)
		}
		if a = p.Serve(t.Context(), &confirm.Request{Path: confirm.ProvenPath, Language: []byte(locale)}); a.Status != 200 {
			t.Errorf("the last page: %d", a.Status)
		}
	}
}

// TestProofIsNoOracle: whoever asks is answered the same whether the address is known or
// not, and nothing is looked up before the answer.
func TestProofIsNoOracle(t *testing.T) {
	p := startProofs(t)
	p.asked.fail = errAway // of anything that would be looked up
	for _, to := range []string{address, "nobody@person.example"} {
		if err := p.Ask(site, control.RightAccess, to, "en"); err != nil {
			t.Errorf("%v", err)
		}
	}
	p.asked.fail = nil
	p.settle(t)
	if len(p.post.mails) != 1 || p.post.mails[0].To != address || len(p.asked.requests) != 1 {
		t.Errorf("%d mails, %d requests", len(p.post.mails), len(p.asked.requests))
	}
	if err := p.Ask(site, control.RightAccess, "nobody", ""); !errors.Is(err, confirm.ErrNoAddressee) {
		t.Errorf("no address: %v", err)
	}
	if err := p.Ask("other", control.RightAccess, address, ""); !errors.Is(err, confirm.ErrSite) {
		t.Errorf("no site: %v", err)
	}
	for range 3 * confirm.DefaultConfig().PerContact {
		if err := p.Ask(site, control.RightAccess, address, ""); err != nil {
			t.Fatal(err)
		}
		p.settle(t)
	}
	if n := len(p.post.mails); n != confirm.DefaultConfig().PerContact {
		t.Errorf("%d mails in an hour", n)
	}
	for range confirm.DefaultConfig().PerMinute {
		_ = p.Ask(site, control.RightAccess, "nobody@person.example", "")
	}
	if err := p.Ask(site, control.RightAccess, address, ""); !errors.Is(err, confirm.ErrBusy) {
		t.Errorf("too many: %v", err)
	}
}

// TestProofAddress: the mail goes to the form by which the address is known, since what
// reads alike may be somebody else's mailbox; to nobody else's; or to one that is kept.
func TestProofAddress(t *testing.T) {
	p := startProofs(t)
	p.send(t, control.RightAccess, "en")
	r := p.asked.one(t)
	for given, want := range map[string]error{
		"petr@person.example": confirm.ErrNotKnown, "jana": confirm.ErrNoAddressee, "": confirm.ErrNoAddress, "JANA.canary@person.example": nil,
	} {
		before := len(p.post.mails)
		_, err := p.Send(t.Context(), r, given, "")
		if !errors.Is(err, want) || (len(p.post.mails) == before+1) != (want == nil) {
			t.Errorf("%q: %v", given, err)
		}
		if want == nil && p.post.mails[before].To != address {
			t.Error("what was typed gets the mail")
		}
	}
	p.asked.kept = "kept@person.example"
	if _, err := p.Send(t.Context(), r, "", ""); err != nil || p.post.mails[len(p.post.mails)-1].To != p.asked.kept {
		t.Errorf("the address that is kept: %v", err)
	}
	r.State = control.RequestRunning
	if _, err := p.Send(t.Context(), r, address, ""); !errors.Is(err, confirm.ErrNotWaiting) {
		t.Errorf("a request that is proven: %v", err)
	}
}

// TestProofEnds: a link that is over, altered, another's, of a request that is over or
// whose contact is another, and one of a consent, work nothing and are answered alike.
func TestProofEnds(t *testing.T) {
	p := startProofs(t)
	token := p.send(t, control.RightErasure, "en")
	form := formIn(t, p.get(t, token))
	gone := func(name, token string) {
		t.Helper()
		if a := p.get(t, token); a.Status != 410 || !a.SetCookie || a.Value != "" {
			t.Errorf("%s: the page %d", name, a.Status)
		}
		if a := p.press(t, token, form); a.Status != 410 || p.asked.proven != 0 {
			t.Errorf("%s: the button %d", name, a.Status)
		}
	}
	for i := range token {
		flipped := []byte(token)
		flipped[i] ^= 1
		gone("altered", string(flipped))
	}
	gone("empty", "")
	p.now = p.now.Add(confirm.ProofLife)
	gone("over", token)
	p.now = p.now.Add(-time.Second)
	r := p.asked.one(t)
	for name, change := range map[string]func(*control.Request){
		"cancelled":       func(r *control.Request) { r.State = control.RequestCancelled },
		"another contact": func(r *control.Request) { r.Handle[0]++ },
		"erased since":    func(r *control.Request) { r.Handle = event.Handle{} },
	} {
		changed := r
		change(&changed)
		p.asked.requests[r.ID] = changed
		gone(name, token)
	}
	p.asked.requests[r.ID] = r
	b := start(t)
	if a := p.get(t, b.ask(t, "analytics")); a.Status != 410 {
		t.Errorf("a link of a consent: %d", a.Status)
	}
	p.asked.fail = errAway
	if a := p.press(t, token, form); a.Status != 503 {
		t.Errorf("away: %d", a.Status)
	}
	p.asked.fail = nil
	if a := p.press(t, token, form); a.Status != 303 || p.asked.proven != 1 {
		t.Errorf("then: %d", a.Status)
	}
	p.asked.requests[r.ID] = r // somebody doubts it after all: it wants another link
	if a := p.press(t, token, form); a.Status != 410 || p.asked.proven != 1 {
		t.Errorf("a used link: %d", a.Status)
	}
}

// TestProofIsNotSent: a link that nobody got works nothing.
func TestProofIsNotSent(t *testing.T) {
	p := startProofs(t)
	p.post.fail = mail.ErrAway
	if err := p.Ask(site, control.RightErasure, address, ""); err != nil {
		t.Fatal(err)
	}
	p.settle(t)
	if n, err := p.store.CountLinks(t.Context(), site, handle(event.KindEmail, address), time.Time{}); n != 0 || err != nil {
		t.Errorf("%d links are kept: %v", n, err)
	}
	p.post.fail = nil
	p.send(t, control.RightErasure, "") // the same request
	if len(p.asked.requests) != 1 {
		t.Errorf("%d requests", len(p.asked.requests))
	}
}
