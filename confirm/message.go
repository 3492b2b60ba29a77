package confirm

import (
	"strings"

	"zgoda/control"
	"zgoda/mail"
)

// message writes the mail. Its words are ours and the site's own: nothing that
// whoever asked has typed stands in it, so nobody sends words through us.
func (s *Service) message(o *Opening, site Site, l *control.Link, t token) mail.Message {
	w := wordsIn(s.pages.language([]byte(l.Locale)))
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line(w.Intro + "\n")
	for _, p := range inForce(site.Policy, l.Terms) {
		line("- " + site.Text(p.ID, w.Language))
	}
	line("\n" + w.Nothing + " " + w.Press + "\n")
	line(s.cfg.Links + Path + "?t=" + t.text())
	line("\n" + w.Once + " " + l.Expires.Format("2006-01-02 15:04 UTC") + ".")
	line(w.Ignore + "\n")
	line("-- ")
	line(site.Controller)
	for _, text := range []string{site.Address, site.Contact} {
		if text != "" {
			line(text)
		}
	}
	return mail.Message{
		To: o.Address, FromName: site.Controller, Subject: w.Subject + ": " + site.Controller, Text: b.String(), Locale: w.Language,
	}
}
