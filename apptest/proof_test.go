package apptest

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/apptest/browser"
	"zgoda/confirm"
	"zgoda/mail/mailtest"
)

var proofInMail = regexp.MustCompile(`http://127\.0\.0\.1:8080(/rights/confirm\?t=[A-Za-z0-9_-]+)`)

// provesByMail: a page of the site asks with a mail address; it is answered the same
// whether somebody has it or not, the one who has it gets a link, and the button on its
// page, and nothing before, lets the request go on.
func (s *stack) provesByMail(t *testing.T, b *browser.Browser, box *mailtest.Server, address string) {
	t.Helper()
	before := len(box.Mails())
	ask := func(to string) string {
		t.Helper()
		resp, text := post(t, s.public+"/rights", `{"key":"pk_shop_12345678","right":"objection","address":"`+to+`","locale":"pl"}`,
			map[string]string{"Origin": "https://shop.example", "Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"})
		if resp.StatusCode != http.StatusAccepted || strings.Contains(text, "r_") {
			t.Errorf("%d %s", resp.StatusCode, text)
		}
		return text
	}
	if known, unknown := ask(address), ask("nobody.canary@person.example"); known != unknown {
		t.Errorf("whoever asks can tell %s from %s", known, unknown)
	}
	got := box.Wait(t, before+1)[before]
	found := proofInMail.FindStringSubmatch(got.Text(t))
	if found == nil || got.To != address {
		t.Fatal("the mail has no link, or went elsewhere")
	}
	link := found[1]
	opensLink(t, b, s.public+link, confirm.ProofPath)
	if words := b.Text("h1"); words != "Czy to Twoja prośba?" {
		t.Errorf("the page says %q", words)
	}
	list := func(state string) string {
		t.Helper()
		return s.done(t, "", "requests", "list", "--data", s.data, "--right", "objection", "--state", state)
	}
	if got := list("all"); strings.Count(got, "identity_unverified") != 1 || strings.Count(got, "\n") != 2 {
		t.Errorf("before the button is pressed:\n%s", got)
	}
	browser.Eval[bool](b, `(document.querySelector('button').click(), true)`)
	eventually(t, 2*time.Minute, "the request to go on", func() bool { return strings.Contains(list("complete"), "objection") })
	if states := s.states(t, "email:"+address); !strings.Contains(states, "objected marketing") {
		t.Errorf("on record: %s", states)
	}
	b.Open(s.public + link)
	if words := b.Text("h1"); words != "This link does not work" {
		t.Errorf("the used link's page says %q", words)
	}
	if n := len(box.Mails()); n != before+1 {
		t.Errorf("%d mails were sent", n-before)
	}
	if strings.Contains(s.log.String(), "canary") || strings.Contains(s.log.String(), link) {
		t.Error("the address or the link is in a log")
	}
	nothingOf(t, s.data, address, "nobody.canary", strings.TrimPrefix(link, confirm.ProofPath+"?t="))
}
