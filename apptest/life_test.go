package apptest

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"zgoda/confirm"
	"zgoda/mail/mailtest"
)

var hiddenField = regexp.MustCompile(`name="form" value="([^"]+)"`)

// done runs a command that must succeed and tell nothing of a person.
func (s *stack) done(t *testing.T, stdin string, args ...string) string {
	t.Helper()
	out, errs, code := s.zgoda(t, stdin, args...)
	if code != 0 || errs != "" {
		t.Fatalf("zgoda %s %s: exit %d: %s%s", args[0], args[1], code, out, errs)
	}
	if strings.Contains(out, "canary") {
		t.Errorf("zgoda %s %s repeats what it was given", args[0], args[1])
	}
	return out
}

// press opens a link of a mail and presses the button on its page, as a browser
// that is reached by https does.
func (s *stack) press(t *testing.T, link string) {
	t.Helper()
	first := open(t, s.public+link)
	cookie := confirm.Cookie + "=" + cookieOf(first, confirm.Cookie)
	resp, page := send(t, http.MethodGet, s.public+confirm.Path, "", map[string]string{"Cookie": cookie})
	found := hiddenField.FindStringSubmatch(page)
	if resp.StatusCode != http.StatusOK || found == nil {
		t.Fatalf("the page: %d", resp.StatusCode)
	}
	resp, _ = post(t, s.public+confirm.Path, "form="+url.QueryEscape(found[1]), map[string]string{
		"Cookie": cookie, "Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin",
	})
	// The client follows the answer to the page of thanks.
	if resp.StatusCode != http.StatusOK && resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("the confirmation: %d", resp.StatusCode)
	}
}

func cookieOf(resp *http.Response, name string) string {
	for _, c := range resp.Cookies() {
		if c.Name == name {
			return c.Value
		}
	}
	return ""
}

// TestConsentCommands: an operator asks for a consent, a real mail server gets the
// link, the person presses the button; a guardian grants for a minor; grants that
// end are listed. All by the commands, with nobody's identifier in an argument.
func TestConsentCommands(t *testing.T) {
	server := mailtest.Start(t, mailtest.Options{})
	s := shop(t, server, "SK", "")
	headers := map[string]string{"Authorization": "Bearer " + shopSecret, "Content-Type": "application/json"}
	decided := func(user, want string) {
		t.Helper()
		resp, _ := post(t, s.public+"/v1/track", `{"userId":"`+user+`","event":"x"}`, headers)
		if got := resp.Header.Get("X-Consent-Decision"); !strings.Contains(got, want) {
			t.Errorf("decided: %q, want %q", got, want)
		}
	}

	person := []string{"--site", "shop", "--identifier", "-"}
	who := "user_id:canary-1\ncanary@person.example\n"
	out := s.done(t, who, append([]string{"optin", "request", "--purpose", "marketing", "--address", "-", "--locale", "pl"}, person...)...)
	if !strings.HasPrefix(out, "asked; the link in the mail works once, until ") {
		t.Errorf("request: %s", out)
	}
	if out := s.done(t, who, append([]string{"optin", "status"}, person...)...); !strings.Contains(out, "not yet") {
		t.Errorf("before: %s", out)
	}
	decided("canary-1", "marketing=deny")
	mail := server.Wait(t, 1)[0]
	link := linkInMail.FindStringSubmatch(mail.Text(t))
	if link == nil || mail.To != "canary@person.example" {
		t.Fatal("the mail has no link, or went elsewhere")
	}
	s.press(t, link[1])
	var status struct {
		Optins []struct {
			Purpose, State string
			Confirmed      *time.Time
		}
	}
	out = s.done(t, who, append([]string{"optin", "status", "--format", "JSON"}, person...)...)
	if err := json.Unmarshal([]byte(out), &status); err != nil || len(status.Optins) != 1 || status.Optins[0].State != "given" || status.Optins[0].Confirmed == nil {
		t.Errorf("after: %v %s", err, out)
	}
	decided("canary-1", "marketing=allow; by=ledger")

	born := time.Now().UTC().AddDate(-12, 0, 0).Format(time.DateOnly)
	minor := "user_id:canary-2\n" + born + "\nher mother, passport seen\n"
	out = s.done(t, minor, append([]string{"guardian", "record", "--purpose", "analytics", "--born", "-", "--verified", "-", "--country", "SK"}, person...)...)
	until := time.Now().UTC().AddDate(4, 0, 0).Format(time.DateOnly)
	if !strings.HasPrefix(out, "analytics granted by a guardian until "+until+" for c_") {
		t.Errorf("guardian: %s", out)
	}
	decided("canary-2", "analytics=allow; by=ledger")
	out = s.done(t, minor, append([]string{"guardian", "list"}, person...)...)
	if !strings.Contains(out, "in_force") || !strings.Contains(out, until) || !strings.Contains(out, "her mother, passport seen") {
		t.Errorf("list: %s", out)
	}
	nothingOf(t, s.data, born)

	day := time.Now().UTC().AddDate(0, 0, 5).Format(time.DateOnly)
	file := "kind,identifier,purpose,version,state,time,channel,proof,until,country\n" +
		"user_id,canary-3,analytics,1,given,2026-01-31T12:00:00Z,paper,box," + day + ",SK\n"
	if out, errs, code := s.zgoda(t, file, "contact", "import", "--site", "shop", "-"); code != 0 {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
	out = s.done(t, "", "renewals", "--site", "shop", "--days", "10")
	if lines := strings.Split(strings.TrimSpace(out), "\n"); len(lines) != 2 || !strings.HasSuffix(strings.Join(strings.Fields(lines[1]), " "), " analytics ends "+day) {
		t.Errorf("renewals: %s", out)
	}
	if out := s.done(t, "", "renewals", "--site", "shop", "--days", "1"); out != "nobody is to be asked again\n" {
		t.Errorf("renewals of a day: %s", out)
	}
	if strings.Contains(s.log.String(), "canary") {
		t.Error("an identifier is in a log")
	}
}
