package confirm_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"zgoda/confirm"
	"zgoda/consent"
	"zgoda/control/ledger"
	"zgoda/event"
)

// TestDoubleOptIn: asked, sent, opened as often as anybody likes, confirmed once;
// both entries are there, and the second says what it confirms.
func TestDoubleOptIn(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics", "marketing")
	m := b.post.mails[0]
	for _, want := range []string{"text of analytics in sk", "text of marketing in sk", "Shop s.r.o.", "Hlavna 1", "2026-11-24 08:00 UTC"} {
		if !strings.Contains(m.Text, want) {
			t.Errorf("the mail lacks %q", want)
		}
	}
	if m.To != address || m.Locale != "sk" || !strings.Contains(m.Subject, "Shop s.r.o.") {
		t.Error("the mail goes elsewhere or is in another language")
	}

	for range 3 { // a scanner opens links
		a := b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Token: []byte(token)})
		if a.Status != 303 || a.Location != confirm.Path || a.Value != token || a.Life <= 0 || len(a.HTML) != 0 {
			t.Fatalf("the link's answer: %+v", a)
		}
		b.form(t, token)
	}
	if got := b.people.states(); !slices.Equal(got, []string{"requested analytics", "requested marketing"}) {
		t.Fatalf("before the confirmation: %v", got)
	}
	if e := b.people.entries[0]; !e.Until.Equal(e.At.Add(48 * time.Hour)) {
		t.Errorf("the request does not say until when its link works: %s, %s", e.At, e.Until)
	}

	done := b.press(t, token, b.form(t, token))
	if done.Status != 303 || done.Location != "/consent/confirmed?l=sk" || !done.SetCookie || done.Value != "" {
		t.Fatalf("the confirmation's answer: %+v", done)
	}
	want := []string{"requested analytics", "requested marketing", "given analytics", "given marketing"}
	if got := b.people.states(); !slices.Equal(got, want) {
		t.Fatalf("entries: %v", got)
	}
	e := b.people.entries[3]
	if e.Proof != ledger.ProofLink || !strings.Contains(e.ProofRef, "requested by 2") || e.Channel != ledger.ChannelConfirm ||
		e.PurposeVersion != 3 || e.TextHash != [32]byte{2} || e.Locale != "sk" || e.Surface != "newsletter" {
		t.Error("the grant does not say what it confirms")
	}
	if r := b.people.entries[0]; r.Reason != "form at the till" || r.Actor != "token:web" || r.Proof != ledger.ProofKey {
		t.Error("the request does not say how it was made")
	}
}

// TestLinksThatDoNotWork: used, over, altered, made up, of an older version, of
// an erased contact: one answer, and nothing is written.
func TestLinksThatDoNotWork(t *testing.T) {
	altered := func(token string, at int) string {
		raw, err := base64.RawURLEncoding.DecodeString(token)
		if err != nil {
			t.Fatal(err)
		}
		raw[at] ^= 1
		return base64.RawURLEncoding.EncodeToString(raw)
	}
	for name, change := range map[string]func(b *bench, token string) string{
		"used": func(b *bench, token string) string {
			b.press(t, token, b.form(t, token))
			return token
		},
		"over": func(b *bench, token string) string {
			b.now = b.now.Add(48 * time.Hour)
			return token
		},
		"altered id":        func(_ *bench, token string) string { return altered(token, 3) },
		"altered signature": func(_ *bench, token string) string { return altered(token, 40) },
		"cut":               func(_ *bench, token string) string { return token[:63] },
		"none":              func(*bench, string) string { return "" },
		"no base64":         func(*bench, string) string { return strings.Repeat("!", 64) },
		"zero":              func(*bench, string) string { return strings.Repeat("A", 64) },
		"another version": func(b *bench, token string) string {
			b.site.Policy.Purposes[1].Version++
			return token
		},
		"erased": func(b *bench, token string) string {
			b.people.state[handle(event.KindEmail, address)] = consent.StateErased
			return token
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := start(t)
			good := b.ask(t, "analytics")
			form := b.form(t, good)
			token := change(b, good)
			before := len(b.people.states())
			page := b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Cookie: []byte(token)})
			press := b.press(t, token, form)
			want := b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Cookie: []byte(strings.Repeat("B", 64))})
			for _, a := range []confirm.Answer{page, press} {
				if a.Status != 410 || string(a.HTML) != string(want.HTML) || a.SetCookie != want.SetCookie || a.Value != "" {
					t.Errorf("answer %d differs from that to a link that never was", a.Status)
				}
			}
			if got := len(b.people.states()); got != before {
				t.Errorf("%d entries were written", got-before)
			}
		})
	}
}

// TestOnlyItsOwnPageConfirms: without the form's field, or from a page of
// another site, nothing is confirmed.
func TestOnlyItsOwnPageConfirms(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics")
	form := b.form(t, token)
	for _, r := range []confirm.Request{
		{Form: nil}, {Form: []byte(form + "A")}, {Form: []byte(form), Site: []byte("cross-site")}, {Form: []byte(form), Site: []byte("same-site")},
	} {
		r.Path, r.Post, r.Cookie = confirm.Path, true, []byte(token)
		if a := b.Serve(t.Context(), &r); a.Status != 410 {
			t.Errorf("answer %d", a.Status)
		}
	}
	if got := b.people.states(); len(got) != 1 {
		t.Errorf("entries: %v", got)
	}
}

// TestOfTwoConfirmationsOneWrites: also when both found the link unused.
func TestOfTwoConfirmationsOneWrites(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics")
	form := b.form(t, token)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() { b.press(t, token, form) })
	}
	all.Wait()
	if got := b.people.states(); !slices.Equal(got, []string{"requested analytics", "given analytics"}) {
		t.Errorf("entries: %v", got)
	}
}

// TestRequestIsRefused: what cannot be asked for, and whom nobody may write to.
func TestRequestIsRefused(t *testing.T) {
	b := start(t)
	b.people.known["email"+"other@person.example"] = true
	for name, c := range map[string]struct {
		change func(*confirm.Opening)
		want   error
	}{
		"no such site":      {func(o *confirm.Opening) { o.Site = "other" }, confirm.ErrSite},
		"no purpose":        {func(o *confirm.Opening) { o.Purposes = nil }, confirm.ErrPurpose},
		"unknown purpose":   {func(o *confirm.Opening) { o.Purposes = []event.PurposeID{"x"} }, confirm.ErrPurpose},
		"a purpose twice":   {func(o *confirm.Opening) { o.Purposes = append(o.Purposes, o.Purposes[0]) }, confirm.ErrPurpose},
		"not on consent":    {func(o *confirm.Opening) { o.Purposes = []event.PurposeID{"measurement"} }, confirm.ErrPurpose},
		"another's address": {func(o *confirm.Opening) { o.Address = "other@person.example" }, confirm.ErrAddress},
		"an address of another": {func(o *confirm.Opening) {
			o.Kind, o.Identifier, o.Address = event.KindUserID, "u1", "other@person.example"
		}, confirm.ErrAddress},
		"no address":            {func(o *confirm.Opening) { o.Kind, o.Identifier = event.KindUserID, "u1" }, confirm.ErrAddress},
		"not an address":        {func(o *confirm.Opening) { o.Kind, o.Identifier, o.Address = event.KindUserID, "u1", "n/a" }, confirm.ErrAddress},
		"a visitor has no mail": {func(o *confirm.Opening) { o.Kind = event.KindVisitor }, confirm.ErrAddress},
	} {
		o := opening("analytics")
		c.change(&o)
		_, err := b.Request(t.Context(), o)
		if !errors.Is(err, c.want) {
			t.Errorf("%s: %v", name, err)
		}
		if strings.Contains(fmt.Sprintf("%v %+v", err, o), "person.example") {
			t.Errorf("%s: an address is printed", name)
		}
	}
	if len(b.post.mails) != 0 || len(b.people.states()) != 0 {
		t.Error("something was sent or written")
	}
	o := opening("analytics")
	o.Address = strings.ToUpper(address) // the same one
	if _, err := b.Request(t.Context(), o); err != nil {
		t.Error(err)
	}
	b.people.state[handle(event.KindEmail, address)] = consent.StateErased
	if _, err := b.Request(t.Context(), opening("analytics")); err != nil || len(b.post.mails) != 1 {
		t.Errorf("an erased contact: %v, %d mails", err, len(b.post.mails))
	}
}

// TestLimits: three mails an hour for a contact.
func TestLimits(t *testing.T) {
	b := start(t)
	for range 3 {
		b.ask(t, "analytics")
	}
	if _, err := b.Request(t.Context(), opening("analytics")); !errors.Is(err, confirm.ErrTooMany) {
		t.Errorf("the fourth: %v", err)
	}
	b.now = b.now.Add(time.Hour + time.Second)
	b.ask(t, "analytics")
}

// TestMailThatCannotBeSent: its link does not work, and the caller knows.
func TestMailThatCannotBeSent(t *testing.T) {
	b := start(t)
	b.post.fail = errAway
	if _, err := b.Request(t.Context(), opening("analytics")); !errors.Is(err, confirm.ErrMail) {
		t.Fatal(err)
	}
	n, err := b.store.CountLinks(t.Context(), site, handle(event.KindEmail, address), time.Time{})
	if err != nil || n != 0 {
		t.Errorf("%d links are left, %v", n, err)
	}
}

// TestAway: a store that fails confirms nothing, and the link stays good.
func TestAway(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics")
	form := b.form(t, token)
	b.people.fail = errAway
	if a := b.press(t, token, form); a.Status != 503 {
		t.Errorf("answer %d", a.Status)
	}
	b.people.fail = nil
	if a := b.press(t, token, form); a.Status != 303 {
		t.Errorf("answer %d afterwards", a.Status)
	}
}

// TestNothingPersonalIsStored: neither the address nor the link is in any file of
// the store.
func TestNothingPersonalIsStored(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics")
	raw, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		t.Fatal(err)
	}
	head, err := b.store.Head(t.Context())
	if err != nil || head.Sequence != 0 {
		t.Fatal("the store's own ledger is not used here", err)
	}
	read := 0
	for _, file := range storeFiles(t, b) {
		content, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		read += len(content)
		for _, never := range []string{"jana.canary", token, string(raw[:16]), string(raw[16:])} {
			if strings.Contains(string(content), never) {
				t.Errorf("%s holds what must not be stored", filepath.Base(file))
			}
		}
	}
	if read == 0 {
		t.Error("no file was read")
	}
}

func storeFiles(t *testing.T, b *bench) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(b.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal("no files", err)
	}
	return files
}

// TestLanguages: the page speaks the request's language; without a link, the
// browser's.
func TestLanguages(t *testing.T) {
	b := start(t)
	token := b.ask(t, "analytics")
	if a := b.Serve(t.Context(), &confirm.Request{Path: confirm.Path, Cookie: []byte(token), Language: []byte("pl")}); a.Locale != "sk" ||
		!strings.Contains(string(a.HTML), `<html lang="sk">`) {
		t.Errorf("locale %q", a.Locale)
	}
	for header, want := range map[string]string{"pl-PL,pl;q=0.9,en;q=0.8": "pl", "de,sk;q=0.5": "sk", "": "en", "fr": "en", strings.Repeat("x", 1000): "en"} {
		if a := b.Serve(t.Context(), &confirm.Request{Path: confirm.DonePath, Language: []byte(header)}); a.Locale != want || a.Status != 200 {
			t.Errorf("%.20q: %q", header, a.Locale)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "links.key")
	first, err := confirm.OpenKey(path)
	if err != nil {
		t.Fatal(err)
	}
	again, err := confirm.OpenKey(path)
	if err != nil || string(again) != string(first) {
		t.Errorf("another key: %v", err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := confirm.OpenKey(path); !errors.Is(err, confirm.ErrKey) {
		t.Errorf("exposed: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for _, bad := range []string{"", "shop.example", "http://shop.example", "https://shop.example/path", "https://user@shop.example"} {
		c := confirm.DefaultConfig()
		c.Links = bad
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), "mail.links") {
			t.Errorf("%q: %v", bad, err)
		}
	}
	for _, good := range []string{"https://shop.example", "https://shop.example:8443/", "http://127.0.0.1:8080", "http://localhost:8080"} {
		c := confirm.DefaultConfig()
		c.Links = good
		if err := c.Validate(); err != nil {
			t.Errorf("%q: %v", good, err)
		}
	}
}
