package confirm

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"zgoda/control"
	"zgoda/event"
	"zgoda/mail"
)

// Proofs prove who makes a request of a data subject: by a link that is mailed to an
// address under which the contact is known, and to no other. A link works once, for a
// day, for one request, and names nobody. Opening it proves nothing, since scanners of
// mail open links too; the button on its page does.
//
//	Ask ── answered alike ── queue ── request, unproven ── link ── mail
//	GET ?t= ── 303, cookie ──> GET ── page with a form ──> POST ── proven
//
// It is safe for concurrent use.
type Proofs struct {
	cfg     Config
	deps    ProofDeps
	pages   *pages
	window  window
	metrics *proofMetrics
	queue   chan asking
}

// ProofLife is how long a link that proves who asks works.
const ProofLife = 24 * time.Hour

// queued is how many askings wait at most: their answers wait for none of it.
const queued = 256

// asking is what somebody asked for on a page of a site. It prints as [redacted].
type asking struct {
	site            event.SiteID
	right           control.Right
	address, locale string
}

// Format writes "[redacted]" under every verb.
func (asking) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (asking) LogValue() slog.Value { return slog.StringValue(redacted) }

// NewProofs makes them. Run sends what Ask was asked.
func NewProofs(cfg Config, deps ProofDeps) (*Proofs, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	cfg.Links = strings.TrimSuffix(cfg.Links, "/")
	pages, err := newPages()
	if err != nil {
		return nil, err
	}
	p := &Proofs{cfg: cfg, deps: deps, pages: pages, window: window{limit: cfg.PerMinute}, metrics: newProofMetrics(), queue: make(chan asking, queued)}
	if err := p.metrics.register(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register the metrics of proofs: %w", err)
	}
	return p, nil
}

// Ask takes what somebody asks for on a page of a site, who says what their address
// is. It looks nothing up: neither its answer nor the time that it takes depends on
// whether anybody has the address. ErrBusy: nothing was taken.
func (p *Proofs) Ask(site event.SiteID, right control.Right, address, locale string) error {
	if _, ok := p.deps.Sites(site); !ok {
		return ErrSite
	}
	normal, err := p.deps.Normal(address)
	if err != nil {
		return ErrNoAddressee
	}
	if !p.window.take(site, p.deps.Now()) {
		p.metrics.mails.WithLabelValues("limited").Inc()
		return ErrBusy
	}
	select {
	case p.queue <- asking{site, right, normal, locale}:
		return nil
	default:
		return ErrBusy
	}
}

// Run opens requests and sends mails until ctx ends; what was asked by then is still
// done, for stopWithin.
func (p *Proofs) Run(ctx context.Context) error {
	late, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(stopWithin, stop) })()
	for ctx.Err() == nil {
		select {
		case a := <-p.queue:
			p.answer(late, &a)
		case <-ctx.Done():
		}
	}
	for late.Err() == nil {
		select {
		case a := <-p.queue:
			p.answer(late, &a)
		default:
			return nil
		}
	}
	return nil
}

const stopWithin = 10 * time.Second

// answerWithin bounds what is done for one asking.
const answerWithin = 30 * time.Second

// answer opens a request, if somebody has the address, and sends the link.
func (p *Proofs) answer(ctx context.Context, a *asking) {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	r, known, err := p.deps.Requests.Open(ctx, a.site, a.right, a.address)
	switch {
	case err != nil:
		p.metrics.mails.WithLabelValues("failed").Inc()
		p.deps.Logger.Warn("a request that somebody made by a mail address could not be opened", "err", err)
		return
	case !known:
		p.metrics.mails.WithLabelValues("unknown").Inc()
		return
	}
	if _, err := p.Send(ctx, r, a.address, a.locale); err != nil && !errors.Is(err, ErrNotWaiting) {
		p.deps.Logger.Warn("a link that proves who asks was not sent", "request", r.ID.String(), "err", err)
	}
}

// Send mails the link of a request to an address of whom it is about; "": to one that
// is kept of them. It returns when the mail server has taken the mail: an error means
// that no link works.
func (p *Proofs) Send(ctx context.Context, r control.Request, address, locale string) (expires time.Time, err error) {
	site, ok := p.deps.Sites(r.Site)
	switch {
	case !ok:
		return expires, ErrSite
	case r.State != control.RequestUnverified || r.Handle.IsZero():
		return expires, ErrNotWaiting
	}
	if address, err = p.address(ctx, &r, address); err != nil {
		return expires, err
	}
	now := p.deps.Now().UTC().Truncate(time.Microsecond)
	n, err := p.deps.Links.CountLinks(ctx, r.Site, r.Handle, now.Add(-time.Hour))
	if err != nil {
		return expires, err
	}
	if n >= p.cfg.PerContact {
		p.metrics.mails.WithLabelValues("limited").Inc()
		return expires, ErrTooMany
	}
	l := control.Link{
		Site: r.Site, Subject: r.Handle, Terms: r.ID.String(), Locale: locale, Surface: proofSurface, Created: now, Expires: now.Add(ProofLife),
	}
	t := newToken(p.deps.Key, proofLabel, &l)
	if err := p.deps.Links.AddLink(ctx, l); err != nil {
		return expires, err
	}
	if err := p.deps.Mail.Send(ctx, p.message(address, site, r.Right, &l, t)); err != nil {
		p.metrics.mails.WithLabelValues("failed").Inc()
		return expires, errors.Join(ErrMail, err, p.deps.Links.DropLink(context.WithoutCancel(ctx), l.Hash))
	}
	p.metrics.mails.WithLabelValues("sent").Inc()
	return l.Expires, nil
}

// address is where the mail goes: to the form by which the address is known. What was
// typed may be another mailbox that reads alike.
func (p *Proofs) address(ctx context.Context, r *control.Request, typed string) (string, error) {
	if typed == "" {
		kept, err := p.deps.Requests.Kept(ctx, r.ID)
		if err == nil && kept == "" {
			err = ErrNoAddress
		}
		return kept, err
	}
	normal, err := p.deps.Normal(typed)
	if err != nil {
		return "", ErrNoAddressee
	}
	handle, known, err := p.deps.Find(ctx, r.Site, normal)
	if err == nil && (!known || handle != r.Handle) {
		err = ErrNotKnown
	}
	return normal, err
}

// message writes the mail, in our words alone.
func (p *Proofs) message(to string, site Site, right control.Right, l *control.Link, t token) mail.Message {
	w := proofWordsIn(p.pages.language([]byte(l.Locale)))
	var b strings.Builder
	line := func(text string) { b.WriteString(text + "\n") }
	line(w.Intro + "\n")
	line("- " + w.right(right))
	line("\n" + w.Press + "\n")
	line(p.cfg.Links + ProofPath + "?t=" + t.text())
	line("\n" + w.Once + " " + l.Expires.Format("2006-01-02 15:04 UTC") + ".")
	line(w.Ignore + "\n")
	line("-- ")
	line(site.Controller)
	for _, text := range []string{site.Address, site.Contact} {
		if text != "" {
			line(text)
		}
	}
	return mail.Message{To: to, FromName: site.Controller, Subject: w.Subject + ": " + site.Controller, Text: b.String(), Locale: w.Language}
}
