package confirm

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"zgoda/consent"
	"zgoda/control"
)

// Service sends links and answers the page behind them. It is safe for
// concurrent use.
type Service struct {
	cfg     Config
	deps    Deps
	metrics *metrics
	window  window
	pages   *pages
}

// New makes a service.
func New(cfg Config, deps Deps) (*Service, error) {
	if err := errors.Join(cfg.Validate(), deps.validate()); err != nil {
		return nil, err
	}
	if deps.Now == nil {
		deps.Now = time.Now
	}
	cfg.Links = strings.TrimSuffix(cfg.Links, "/")
	p, err := newPages()
	if err != nil {
		return nil, err
	}
	s := &Service{cfg: cfg, deps: deps, metrics: newMetrics(), pages: p, window: window{limit: cfg.PerMinute}}
	if err := s.metrics.register(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register the metrics of confirmations: %w", err)
	}
	return s, nil
}

// The paths of the public listener.
const (
	Path     = "/consent/confirm"
	DonePath = "/consent/confirmed"
)

// Cookie is the name of the cookie that carries the link's token from its address
// to the page, for a quarter of an hour.
const Cookie = "__Host-zgoda_confirm"

const cookieLife = 15 * time.Minute

// Request of a browser.
type Request struct {
	Path     string
	Post     bool
	Token    []byte // of the query; nil when there is none
	Cookie   []byte
	Form     []byte // the field "form" of a POST
	Site     []byte // Sec-Fetch-Site
	Language []byte // Accept-Language, or the query's l on DonePath
	Hasty    bool   // too many requests come from this address
}

// Answer to a browser. It is never stored by anybody, and never framed.
type Answer struct {
	Status   int
	Location string // with 303
	// SetCookie sets a cookie to Value for Life; an empty Value takes it away. Cookie is
	// its name; empty: the constant's.
	SetCookie bool
	Cookie    string
	Value     string
	Life      time.Duration
	Locale    string
	Policy    string // Content-Security-Policy
	HTML      []byte
}

// Serve answers GET and POST of Path, and GET of DonePath.
func (s *Service) Serve(ctx context.Context, r *Request) Answer {
	lang := s.pages.language(r.Language)
	switch {
	case r.Hasty:
		return s.pages.plain(429, lang, pageBusy)
	case r.Path == DonePath:
		return s.pages.plain(200, lang, pageDone)
	case r.Post:
		return s.confirm(ctx, r, lang)
	case r.Token != nil:
		return carried(r.Token, Path)
	default:
		return s.page(ctx, r, lang)
	}
}

// carried puts a token into the cookie: whatever it is, it leaves the address at once.
func carried(token []byte, to string) Answer {
	a := Answer{Status: 303, Location: to, SetCookie: true}
	if len(token) == tokenText {
		a.Value, a.Life = string(token), cookieLife
	}
	return a
}

// open finds a link that works. The same is done for every token, whether there
// is a link or not.
func (s *Service) open(ctx context.Context, t *token) (l control.Link, site Site, ok bool, err error) {
	l, found, err := s.deps.Links.FindLink(ctx, t.hash())
	if err != nil {
		return l, site, false, err
	}
	signed := t.signed(s.deps.Key, confirmLabel, &l)
	site, known := s.deps.Sites(l.Site)
	record := consent.Record{State: consent.StateErased}
	if known {
		if record, err = s.deps.People.Record(ctx, l.Site, l.Subject); err != nil {
			return l, site, false, err
		}
	}
	ok = found && signed && known && l.Used.IsZero() && s.deps.Now().Before(l.Expires) &&
		record.State == consent.StateActive && len(inForce(site.Policy, l.Terms)) > 0
	return l, site, ok, nil
}

// page shows what is asked. It changes nothing.
func (s *Service) page(ctx context.Context, r *Request, lang string) Answer {
	t := parseToken(r.Cookie)
	l, site, ok, err := s.open(ctx, &t)
	switch {
	case err != nil:
		return s.away(lang, err)
	case !ok:
		return s.gone(lang)
	default:
		return s.pages.ask(site, &l, formOf(s.deps.Key, confirmLabel, &t))
	}
}

// confirm writes the consent. All of it is one transaction of the ledger, whose
// entries have the link's key: of two confirmations at once, one writes.
func (s *Service) confirm(ctx context.Context, r *Request, lang string) Answer {
	t := parseToken(r.Cookie)
	l, site, ok, err := s.open(ctx, &t)
	if err != nil {
		return s.away(lang, err)
	}
	own := string(r.Site) == "" || string(r.Site) == "same-origin"
	if !ok || !own || string(r.Form) != formOf(s.deps.Key, confirmLabel, &t) {
		return s.gone(lang)
	}
	now := s.deps.Now().UTC().Truncate(time.Microsecond)
	if _, err := s.deps.People.Write(ctx, given(site.Policy, &l, now)...); err != nil {
		return s.away(lang, err)
	}
	s.metrics.confirmed.Inc()
	if err := s.deps.Links.UseLink(ctx, l.Hash, now); err != nil {
		// The consent is given; the link can give no other.
		s.deps.Logger.Warn("a link that was confirmed is not marked as used", "err", err)
	}
	return Answer{Status: 303, Location: DonePath + "?l=" + s.pages.language([]byte(l.Locale)), SetCookie: true}
}

func (s *Service) gone(lang string) Answer {
	s.metrics.gone.Inc()
	a := s.pages.plain(410, lang, pageGone)
	a.SetCookie = true
	return a
}

func (s *Service) away(lang string, err error) Answer {
	s.deps.Logger.Warn("a confirmation could not be read or written", "err", err)
	return s.pages.plain(503, lang, pageAway)
}
