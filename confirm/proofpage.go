package confirm

import (
	"context"
	"errors"
	"time"

	"zgoda/control"
)

// The paths of the public listener behind links that prove who asks, and the cookie
// that carries a link's token from its address to the page.
const (
	ProofPath   = "/rights/confirm"
	ProvenPath  = "/rights/confirmed"
	ProofCookie = "__Host-zgoda_rights"

	proofLabel   = "zgoda rights 1"
	proofSurface = "rights"
)

// Serve answers GET and POST of ProofPath, and GET of ProvenPath.
func (p *Proofs) Serve(ctx context.Context, r *Request) Answer {
	a := p.serve(ctx, r)
	a.Cookie = ProofCookie
	return a
}

func (p *Proofs) serve(ctx context.Context, r *Request) Answer {
	lang := p.pages.language(r.Language)
	w := proofWordsIn(lang)
	switch {
	case r.Hasty:
		return p.pages.plain(429, lang, pageBusy)
	case r.Path == ProvenPath:
		return p.pages.say(200, lang, w.DoneTitle, w.Done)
	case r.Post:
		return p.prove(ctx, r, lang)
	case r.Token != nil:
		return carried(r.Token, ProofPath)
	}
	t := parseToken(r.Cookie)
	l, request, site, ok, err := p.open(ctx, &t)
	switch {
	case err != nil:
		return p.away(lang, err)
	case !ok:
		return p.gone(lang)
	}
	return p.ask(site, &l, request.Right, formOf(p.deps.Key, proofLabel, &t))
}

// open finds a link that works, and its request. The same is done for every token.
func (p *Proofs) open(ctx context.Context, t *token) (l control.Link, r control.Request, site Site, ok bool, err error) {
	l, found, err := p.deps.Links.FindLink(ctx, t.hash())
	if err != nil {
		return l, r, site, false, err
	}
	signed := t.signed(p.deps.Key, proofLabel, &l)
	site, known := p.deps.Sites(l.Site)
	id, _ := control.ParseRequestID(l.Terms) // of another link's terms the zero id, which no request has
	r, there, err := p.deps.Requests.Request(ctx, id)
	if err != nil {
		return l, r, site, false, err
	}
	ok = found && signed && known && there && l.Used.IsZero() && p.deps.Now().Before(l.Expires) &&
		r.State == control.RequestUnverified && r.Site == l.Site && r.Handle == l.Subject
	return l, r, site, ok, nil
}

// prove says that the request is the person's. Of two clicks at once one does: the
// request is not unproven then.
func (p *Proofs) prove(ctx context.Context, r *Request, lang string) Answer {
	t := parseToken(r.Cookie)
	l, request, _, ok, err := p.open(ctx, &t)
	if err != nil {
		return p.away(lang, err)
	}
	own := string(r.Site) == "" || string(r.Site) == "same-origin"
	if !ok || !own || string(r.Form) != formOf(p.deps.Key, proofLabel, &t) {
		return p.gone(lang)
	}
	switch err := p.deps.Requests.Prove(ctx, request.ID); {
	case errors.Is(err, ErrNotWaiting):
		return p.gone(lang)
	case err != nil:
		return p.away(lang, err)
	}
	p.metrics.pages.WithLabelValues("proven").Inc()
	// Not before: a link that is used up and has proven nothing would be lost.
	if err := p.deps.Links.UseLink(ctx, l.Hash, p.deps.Now().UTC().Truncate(time.Microsecond)); err != nil {
		p.deps.Logger.Warn("a link that proved who asks is not marked as used", "err", err)
	}
	return Answer{Status: 303, Location: ProvenPath + "?l=" + p.pages.language([]byte(l.Locale)), SetCookie: true}
}

// ask is the page with the button.
func (p *Proofs) ask(site Site, l *control.Link, right control.Right, form string) Answer {
	w := proofWordsIn(p.pages.language([]byte(l.Locale)))
	page := *wordsIn(w.Language)
	page.Asks, page.Only, page.Button, page.Later = w.Asks, w.Only, w.Button, w.Later
	return p.pages.render(200, view{words: &page, Heading: w.Title, Site: &site, Action: ProofPath, Form: form, Purposes: []string{w.right(right)}})
}

func (p *Proofs) gone(lang string) Answer {
	p.metrics.pages.WithLabelValues("gone").Inc()
	a := p.pages.plain(410, lang, pageGone)
	a.SetCookie = true
	return a
}

func (p *Proofs) away(lang string, err error) Answer {
	p.deps.Logger.Warn("a proof of who asks could not be read or written", "err", err)
	w := proofWordsIn(lang)
	return p.pages.say(503, lang, wordsIn(lang).AwayTitle, w.Away)
}
