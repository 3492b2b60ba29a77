package confirm_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"zgoda/confirm"
	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// folk are people whose records can be set.
type folk struct {
	*people
	records map[event.Handle]consent.Record
}

func (f folk) Record(ctx context.Context, s event.SiteID, h event.Handle) (consent.Record, error) {
	r, err := f.people.Record(ctx, s, h)
	held := f.records[h]
	held.State = r.State
	return held, err
}

type footers struct {
	*confirm.Footers
	*bench
	folk folk
}

func startFooters(t *testing.T) *footers {
	t.Helper()
	f := &footers{bench: start(t)}
	f.folk = folk{f.people, map[event.Handle]consent.Record{}}
	f.Footers = f.with(t, 7)
	return f
}

func (f *footers) with(t *testing.T, key byte) *confirm.Footers {
	t.Helper()
	made, err := confirm.NewFooters(confirm.FooterDeps{
		People: f.folk, Key: []byte(strings.Repeat(string(rune(key)), 32)), Logger: slog.New(slog.DiscardHandler),
		Sites: func(id event.SiteID) (confirm.Site, bool) { return f.site, id == site },
		Now:   func() time.Time { return f.now },
	})
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func (f *footers) mint(t *testing.T, purposes ...event.PurposeID) string {
	t.Helper()
	path, expires, err := f.Mint(t.Context(), site, event.KindEmail, address, purposes, confirm.FooterLife)
	token, ok := strings.CutPrefix(path, confirm.WithdrawPath+"?t=")
	if err != nil || !ok || !expires.Equal(f.now.Add(confirm.FooterLife)) {
		t.Fatalf("%v, until %s", err, expires)
	}
	return token
}

func (f *footers) ask(t *testing.T, post bool, token string) confirm.Answer {
	t.Helper()
	return f.Serve(t.Context(), &confirm.Request{Path: confirm.WithdrawPath, Post: post, Token: []byte(token), Language: []byte("sk")})
}

// TestFooterWithdraws: looking changes nothing, one click does, a second writes
// nothing more, and what was given again can be taken back by the same link.
func TestFooterWithdraws(t *testing.T) {
	f := startFooters(t)
	token := f.mint(t, "marketing", "measurement")
	a := f.ask(t, false, token)
	for _, want := range []string{"text of marketing in sk", "text of measurement in sk", "Shop s.r.o.", `method="post"`, "Ukončiť"} {
		if a.Status != 200 || !strings.Contains(string(a.HTML), want) {
			t.Errorf("the page: %d, %q is not on it", a.Status, want)
		}
	}
	if strings.Contains(string(a.HTML), "analytics") || len(f.people.states()) != 0 {
		t.Fatal("the page shows another purpose, or changed something")
	}
	if a = f.ask(t, true, token); a.Status != 200 || a.Location != "" {
		t.Fatalf("the click: %d", a.Status)
	}
	if got := strings.Join(f.people.states(), ", "); got != "objected measurement, refused marketing" {
		t.Errorf("written: %s", got)
	}
	e := f.people.entries[1]
	if e.Subject != handle(event.KindEmail, address) || e.Proof != ledger.ProofLink || e.Surface != "footer" || e.PurposeVersion != 3 || e.TextHash != [32]byte{2} {
		t.Error("the entry is not that of the link")
	}
	var held consent.Record
	held.Purposes[0].Choice, held.Purposes[2].Choice = consent.ChoiceObjected, consent.ChoiceWithdrawn
	f.folk.records[e.Subject] = held
	if a = f.ask(t, true, token); a.Status != 200 || len(f.people.states()) != 2 {
		t.Errorf("the second click: %d, %v", a.Status, f.people.states())
	}
	held.Purposes[2].Choice = consent.ChoiceGiven
	f.folk.records[e.Subject] = held
	if a = f.ask(t, true, token); a.Status != 200 || len(f.people.states()) != 3 {
		t.Errorf("after it was given again: %d, %v", a.Status, f.people.states())
	}
}

// TestFooterOfAll: without purposes the link is for all that the site has then.
func TestFooterOfAll(t *testing.T) {
	f := startFooters(t)
	if a := f.ask(t, true, f.mint(t)); a.Status != 200 {
		t.Fatalf("%d", a.Status)
	}
	if got := strings.Join(f.people.states(), ", "); got != "objected measurement, refused analytics, refused marketing" {
		t.Errorf("written: %s", got)
	}
}

// TestFooterLinksThatDoNotWork are answered alike and write nothing.
func TestFooterLinksThatDoNotWork(t *testing.T) {
	f := startFooters(t)
	token := f.mint(t)
	other, _, err := f.with(t, 8).Mint(t.Context(), site, event.KindEmail, address, nil, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	tokens := map[string]string{
		"none": "", "short": "AAAA", "no base64": "???", "long": strings.Repeat("A", 4000),
		"another key": strings.TrimPrefix(other, confirm.WithdrawPath+"?t="),
	}
	for i := range len(token) {
		altered := []byte(token)
		altered[i] ^= 1
		tokens["letter "+string(rune('0'+i))] = string(altered)
	}
	want := f.ask(t, true, "")
	for name, text := range tokens {
		for _, post := range []bool{false, true} {
			if a := f.ask(t, post, text); a.Status != 410 || string(a.HTML) != string(want.HTML) {
				t.Errorf("%s: %d", name, a.Status)
			}
		}
	}
	f.now = f.now.Add(confirm.FooterLife)
	if a := f.ask(t, true, token); a.Status != 410 {
		t.Errorf("over: %d", a.Status)
	}
	f.now = f.now.Add(-time.Hour)
	f.people.state[handle(event.KindEmail, address)] = consent.StateErased
	if a := f.ask(t, true, token); a.Status != 410 {
		t.Errorf("erased: %d", a.Status)
	}
	if len(f.people.entries) != 0 {
		t.Errorf("written: %v", f.people.states())
	}
	hasty := confirm.Request{Path: confirm.WithdrawPath, Post: true, Hasty: true}
	if a := f.Serve(t.Context(), &hasty); a.Status != 429 {
		t.Errorf("guesses in a hurry: %d", a.Status)
	}
	f.people.state[handle(event.KindEmail, address)] = consent.StateActive
	hasty.Token = []byte(token)
	if a := f.Serve(t.Context(), &hasty); a.Status != 200 || len(f.people.entries) != 3 {
		t.Errorf("a good link beside others of the provider: %d", a.Status)
	}
}

func TestFooterAway(t *testing.T) {
	f := startFooters(t)
	token := f.mint(t)
	f.people.fail = errAway
	if a := f.ask(t, true, token); a.Status != 503 {
		t.Errorf("%d", a.Status)
	}
}

func TestFooterRefusesToMint(t *testing.T) {
	f := startFooters(t)
	for name, c := range map[string]struct {
		site     event.SiteID
		purposes []event.PurposeID
		life     time.Duration
		want     error
	}{
		"site":    {"blog", nil, time.Hour, confirm.ErrSite},
		"purpose": {site, []event.PurposeID{"gone"}, time.Hour, confirm.ErrStop},
		"twice":   {site, []event.PurposeID{"marketing", "marketing"}, time.Hour, confirm.ErrStop},
		"short":   {site, nil, time.Second, confirm.ErrLife},
		"long":    {site, nil, confirm.MaxFooterLife + 1, confirm.ErrLife},
	} {
		if _, _, err := f.Mint(t.Context(), c.site, event.KindEmail, address, c.purposes, c.life); !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	token := f.mint(t, "marketing")
	if strings.Contains(token, "marketing") || len(token) > 200 {
		t.Errorf("the token tells, or is long: %d letters", len(token))
	}
	if _, err := confirm.NewFooters(confirm.FooterDeps{}); err == nil {
		t.Error("no parts, no error")
	}
}
