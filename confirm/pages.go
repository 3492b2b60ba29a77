package confirm

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"strings"

	"zgoda/consent"
	"zgoda/control"
)

//go:embed pages/page.html
var pageHTML string

//go:embed pages/page.css
var pageCSS string

// plainPage is a page that says one thing.
type plainPage uint8

const (
	pageDone plainPage = iota
	pageGone
	pageAway
	pageBusy
	pageStopped
	pageUnstopped
)

func (p plainPage) in(w *words) (title, text string) {
	switch p {
	case pageDone:
		return w.DoneTitle, w.Done
	case pageAway:
		return w.AwayTitle, w.Away
	case pageBusy:
		return w.BusyTitle, w.Busy
	case pageStopped:
		return w.StoppedTitle, w.Stopped
	case pageUnstopped:
		return w.GoneTitle, w.Unstopped
	default:
		return w.GoneTitle, w.Gone
	}
}

// pages renders what people see.
type pages struct {
	page   *template.Template
	policy string
}

func newPages() (*pages, error) {
	t, err := template.New("page").Parse(pageHTML)
	if err != nil {
		return nil, fmt.Errorf("read the page of confirmations: %w", err)
	}
	sum := sha256.Sum256([]byte(pageCSS))
	return &pages{page: t, policy: "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) +
		"'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"}, nil
}

type view struct {
	*words
	Style    template.CSS
	Heading  string
	Text     string // of a page that says one thing
	Site     *Site  // of the page that asks
	Purposes []string
	Action   string
	Form     string
}

func (p *pages) render(status int, v view) Answer {
	v.Style = template.CSS(pageCSS) //nolint:gosec // our own file
	var b bytes.Buffer
	if err := p.page.Execute(&b, v); err != nil {
		return Answer{Status: 500, Locale: v.Language}
	}
	return Answer{Status: status, Locale: v.Language, Policy: p.policy, HTML: b.Bytes()}
}

func (p *pages) plain(status int, lang string, say plainPage) Answer {
	title, text := say.in(wordsIn(lang))
	return p.say(status, lang, title, text)
}

func (p *pages) say(status int, lang, title, text string) Answer {
	return p.render(status, view{words: wordsIn(lang), Heading: title, Text: text})
}

// ask is the page with the form.
func (p *pages) ask(site Site, l *control.Link, form string) Answer {
	w := wordsIn(p.language([]byte(l.Locale)))
	v := view{words: w, Heading: w.Title, Site: &site, Action: Path, Form: form}
	for _, purpose := range inForce(site.Policy, l.Terms) {
		v.Purposes = append(v.Purposes, site.Text(purpose.ID, w.Language))
	}
	return p.render(200, v)
}

// stop is the page with the button that withdraws.
func (p *pages) stop(site Site, purposes []*consent.Purpose, action, lang string) Answer {
	w := *wordsIn(lang)
	w.Asks, w.Only, w.Button, w.Later = w.StopAsks, w.StopOnly, w.StopButton, w.StopLater
	v := view{words: &w, Heading: w.StopTitle, Site: &site, Action: action}
	for _, purpose := range purposes {
		text := site.Text(purpose.ID, w.Language)
		if text == "" {
			text = string(purpose.ID)
		}
		v.Purposes = append(v.Purposes, text)
	}
	return p.render(200, v)
}

// language returns the first language of a list that we speak: of a locale, or
// of Accept-Language, whose order is taken for the person's.
func (p *pages) language(list []byte) string {
	for item := range strings.SplitSeq(string(list[:min(len(list), 200)]), ",") {
		tag, _, _ := strings.Cut(strings.TrimSpace(item), ";")
		tag, _, _ = strings.Cut(strings.ToLower(tag), "-")
		if wordsIn(tag).Language == tag {
			return tag
		}
	}
	return languages[0].Language
}
