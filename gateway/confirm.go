package gateway

import (
	"cmp"
	"context"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/confirm"
)

// Confirmations answer the page behind the links in mails; confirm.Service is one.
type Confirmations interface {
	Serve(ctx context.Context, r *confirm.Request) confirm.Answer
}

// confirmation serves GET and POST /consent/confirm, /consent/withdraw and
// /rights/confirm, and GET /consent/confirmed and /rights/confirmed.
// No answer carries CORS headers: only a person looks at them.
func (g *Gateway) confirmation(ctx context.Context, rc *fasthttp.RequestCtx, now time.Time) {
	h := &rc.Request.Header
	query := rc.QueryArgs()
	in := confirm.Request{
		Path: string(rc.Path()), Post: rc.IsPost(), Cookie: h.Cookie(confirm.Cookie), Site: h.Peek("Sec-Fetch-Site"),
		Language: h.Peek("Accept-Language"),
	}
	if query.Has("t") {
		in.Token = append([]byte{}, query.Peek("t")...) // not nil, also when it is empty
	}
	done := in.Path == confirm.DonePath || in.Path == confirm.ProvenPath
	if done && query.Has("l") {
		in.Language = query.Peek("l")
	}
	proofs := in.Path == confirm.ProofPath || in.Path == confirm.ProvenPath
	if proofs {
		in.Cookie = h.Cookie(confirm.ProofCookie)
	}
	in.Hasty = g.hasty(g.client(rc, namedIn(h)), now) > 0
	if in.Post && done {
		rc.Response.Header.Set("Allow", allows[methodGet])
		problem(rc, fasthttp.StatusMethodNotAllowed, collector.Problem{Title: "This address does not take this method", Detail: "See the Allow header."})
		return
	}
	if in.Post && !in.Hasty {
		taken := g.takeIn()
		defer g.putBack(taken)
		body, status, p := g.readBody(rc, taken, namedIn(h), g.bodyLimit(target{endpoint: endpointConfirm}))
		if status != 0 {
			g.unreadable(rc, status, p)
			return
		}
		var form fasthttp.Args
		form.ParseBytes(body)
		in.Form = form.Peek("form")
	}
	switch {
	case in.Path == confirm.WithdrawPath:
		g.confirmed(rc, g.deps.Footers.Serve(ctx, &in))
	case proofs:
		g.confirmed(rc, g.deps.Proofs.Serve(ctx, &in))
	default:
		g.confirmed(rc, g.deps.Confirmations.Serve(ctx, &in))
	}
}

func (g *Gateway) confirmed(rc *fasthttp.RequestCtx, a confirm.Answer) {
	h := &rc.Response.Header
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Robots-Tag", "noindex, nofollow")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("X-Frame-Options", "DENY")
	if a.SetCookie {
		setCookie(rc, choice.Cookie{Name: cmp.Or(a.Cookie, confirm.Cookie), Value: a.Value, MaxAge: a.Life})
	}
	if a.Status == fasthttp.StatusTooManyRequests || a.Status == fasthttp.StatusServiceUnavailable {
		h.Set("Retry-After", strconv.Itoa(max(1, int(g.config.RetryAfter/time.Second))))
	}
	rc.SetStatusCode(a.Status)
	if a.Location != "" {
		h.Set("Location", a.Location)
		return
	}
	h.Set("Content-Security-Policy", a.Policy)
	h.Set("Content-Language", a.Locale)
	h.Add("Vary", "Accept-Language, Cookie")
	rc.SetContentType("text/html; charset=utf-8")
	rc.SetBody(a.HTML)
}
