package confirm_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"log/slog"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"zgoda/confirm"
	"zgoda/consent"
	"zgoda/control"
	"zgoda/control/ledger"
	"zgoda/event"
	"zgoda/mail"
	"zgoda/pseudonym"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	site    = event.SiteID("shop")
	address = "jana.canary@person.example"
)

// people stands for the consent set: contacts by their identifiers, and a ledger
// that writes a key once.
type people struct {
	mu      sync.Mutex
	known   map[string]bool
	state   map[event.Handle]consent.State
	entries []ledger.Entry
	keys    map[string]bool
	fail    error
}

func handle(kind event.IdentifierKind, value string) event.Handle {
	sum := sha256.Sum256([]byte(kind.String() + "\x00" + strings.ToLower(value)))
	return event.Handle(sum[:16])
}

func (p *people) Find(_ context.Context, _ event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return handle(kind, value), p.known[kind.String()+value], p.fail
}

func (p *people) Make(ctx context.Context, s event.SiteID, kind event.IdentifierKind, value string) (event.Handle, bool, error) {
	h, known, err := p.Find(ctx, s, kind, value)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.known[kind.String()+value] = true
	return h, !known, err
}

func (p *people) Record(_ context.Context, _ event.SiteID, h event.Handle) (consent.Record, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return consent.Record{State: p.state[h]}, p.fail
}

func (p *people) Write(_ context.Context, entries ...ledger.Entry) (event.Sequence, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fail != nil {
		return 0, p.fail
	}
	for _, e := range entries {
		if err := e.Validate(); err != nil {
			return 0, err
		}
		if e.Key != "" && p.keys[e.Key] {
			continue
		}
		p.keys[e.Key] = true
		e.Sequence = event.Sequence(len(p.entries) + 1)
		p.entries = append(p.entries, e)
	}
	return event.Sequence(len(p.entries)), nil
}

func (p *people) states() (all []string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, e := range p.entries {
		all = append(all, e.State.String()+" "+string(e.Purpose))
	}
	return all
}

// post keeps what was sent.
type post struct {
	mails []mail.Message
	fail  error
}

func (p *post) Send(_ context.Context, m mail.Message) error {
	if p.fail == nil {
		p.mails = append(p.mails, m)
	}
	return p.fail
}

type bench struct {
	*confirm.Service
	people *people
	post   *post
	store  *control.Store
	site   confirm.Site
	now    time.Time
	dir    string
}

func start(t *testing.T) *bench {
	t.Helper()
	dir := t.TempDir()
	store, err := control.Open(t.Context(), control.DefaultConfig(filepath.Join(dir, "control.db")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	b := &bench{
		dir:    dir,
		people: &people{known: map[string]bool{}, state: map[event.Handle]consent.State{}, keys: map[string]bool{}},
		post:   &post{}, store: store, now: time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC),
	}
	b.site = confirm.Site{
		Controller: "Shop s.r.o.", Address: "Hlavna 1, Bratislava", Contact: "dpo@shop.example",
		Policy: &consent.Policy{Site: site, Version: 1, Purposes: []consent.Purpose{
			{ID: "measurement", Kind: consent.KindMeasurement, Basis: consent.BasisLegitimateInterest, Version: 1},
			{ID: "analytics", Bit: 1, Kind: consent.KindAnalytics, Basis: consent.BasisConsent, Version: 1, TextHash: [32]byte{1}},
			{ID: "marketing", Bit: 2, Kind: consent.KindMarketing, Basis: consent.BasisConsent, Version: 3, TextHash: [32]byte{2}},
		}},
		Text: func(p event.PurposeID, lang string) string { return "text of " + string(p) + " in " + lang },
	}
	cfg := confirm.DefaultConfig()
	cfg.Links = "https://shop.example"
	key, err := confirm.OpenKey(filepath.Join(t.TempDir(), "keys", "links.key"))
	if err != nil {
		t.Fatal(err)
	}
	b.Service, err = confirm.New(cfg, confirm.Deps{
		People: b.people, Links: store, Mail: b.post, Blinder: blinder{}, Key: key, Logger: slog.New(slog.DiscardHandler),
		Sites: func(id event.SiteID) (confirm.Site, bool) { return b.site, id == site },
		Now:   func() time.Time { return b.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// blinder hashes addresses as they are normalised.
type blinder struct{}

func (blinder) Blind(_ event.SiteID, kind event.IdentifierKind, value []byte) (event.Blinded, error) {
	if kind == event.KindEmail && !strings.Contains(string(value), "@") {
		return event.Blinded{}, pseudonym.ErrIdentifier
	}
	return sha256.Sum256([]byte(kind.String() + strings.ToLower(string(value)))), nil
}

func opening(purposes ...event.PurposeID) confirm.Opening {
	return confirm.Opening{
		Site: site, Kind: event.KindEmail, Identifier: address, Purposes: purposes, Locale: "sk", Surface: "newsletter",
		Channel: ledger.ChannelAPI, Actor: "token:web", Evidence: "form at the till",
	}
}

// ask sends a link and returns its token.
func (b *bench) ask(t *testing.T, purposes ...event.PurposeID) string {
	t.Helper()
	before := len(b.post.mails)
	if _, err := b.Request(t.Context(), opening(purposes...)); err != nil {
		t.Fatal(err)
	}
	if len(b.post.mails) != before+1 {
		t.Fatalf("%d mails", len(b.post.mails)-before)
	}
	return tokenOf(t, b.post.mails[before])
}

var link = regexp.MustCompile(`https://shop\.example/consent/confirm\?t=([A-Za-z0-9_-]+)`)

func tokenOf(t *testing.T, m mail.Message) string {
	t.Helper()
	found := link.FindStringSubmatch(m.Text)
	if found == nil {
		t.Fatal("the mail has no link")
	}
	u, err := url.Parse(found[0])
	if err != nil {
		t.Fatal(err)
	}
	return u.Query().Get("t")
}

var field = regexp.MustCompile(`name="form" value="([^"]+)"`)

// form opens the page and returns what its form sends.
func (b *bench) form(t *testing.T, cookie string) string {
	t.Helper()
	a := b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Cookie: []byte(cookie)})
	found := field.FindSubmatch(a.HTML)
	if a.Status != 200 || found == nil {
		t.Fatalf("the page: %d", a.Status)
	}
	return string(found[1])
}

func (b *bench) press(t *testing.T, cookie, form string) confirm.Answer {
	t.Helper()
	return b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Post: true, Cookie: []byte(cookie), Form: []byte(form)})
}

var errAway = errors.New("away")
