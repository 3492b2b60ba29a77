package certificate

import (
	"regexp"
	"slices"
	"strings"
)

// handle is a pseudonym as people are shown it, or as hexadecimal text, wherever it
// stands. Ids of mutations are shorter, and ids of requests begin with r.
var handle = regexp.MustCompile(`(?i)[0-9a-f]{32}|[cv]_[0-9a-hjkmnp-tv-z]{26}`)

// Nameable says whether a certificate may hold a text: it does not look like a mail
// address or a pseudonym.
func Nameable(text string) bool { return !handle.MatchString(text) && !strings.Contains(text, "@") }

// personal says whether a text looks like a mail address or a pseudonym. Nothing
// but a mistake brings one here, and a certificate is handed around for years.
func (b *Body) personal() bool {
	texts := append([]string{b.Request, b.Site, b.Right, b.Mode}, b.Notes...)
	for _, t := range b.Tables {
		texts = append(append(texts, t.Name), t.Mutations...)
		for _, c := range t.Copies {
			texts = append(texts, c.Server)
		}
	}
	for _, r := range b.Recipients {
		texts = append(texts, r.Name, r.State)
	}
	for _, m := range b.Manual {
		texts = append(texts, m.System, m.Actor)
	}
	for _, s := range b.Horizon.Stores {
		texts = append(texts, s.Name, s.How)
	}
	return slices.ContainsFunc(texts, func(t string) bool { return !Nameable(t) })
}
