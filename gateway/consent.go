package gateway

import (
	"context"
	"net/netip"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/consent/cookie"
)

// consent serves GET and POST /consent.
func (g *Gateway) consent(ctx context.Context, rc *fasthttp.RequestCtx, now time.Time) {
	h := &rc.Request.Header
	rc.Response.Header.Set("Cache-Control", "no-store")
	rc.Response.Header.Set("Referrer-Policy", "no-referrer")
	var chosen cookie.Sole
	eachCookie(h, chosen.See)
	in := choice.Request{
		Key: rc.QueryArgs().Peek("key"), Origin: h.Peek("Origin"), FetchSite: h.Peek("Sec-Fetch-Site"),
		Address: g.client(rc, namedIn(h)), ReceivedAt: now.UTC(),
		Visitor: h.Cookie(cookie.Visitor), Choice: chosen.Value(),
		Header: func(name string, yield func(value []byte) bool) {
			for _, value := range h.PeekAll(name) {
				if !yield(value) {
					return
				}
			}
		},
		Cookies: func(yield func(name, value []byte) bool) { eachCookie(h, yield) },
		Queries: func(yield func(name, value []byte) bool) { eachQuery(&rc.Request, yield) },
	}
	if !rc.IsPost() {
		g.choose(rc, &in, g.deps.Choices.Read(ctx, &in))
		return
	}
	if wait := g.hasty(in.Address, now); wait > 0 {
		g.anyOrigin(rc)
		rc.Response.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		problem(rc, fasthttp.StatusTooManyRequests, collector.Problem{Title: "Too many choices come from this address; come back"})
		return
	}
	taken := g.takeIn()
	defer g.putBack(taken)
	body, status, p := g.readBody(rc, taken, namedIn(h), g.bodyLimit(target{endpoint: endpointConsent}))
	if status != 0 {
		g.unreadable(rc, status, p)
		return
	}
	in.Body = body
	g.choose(rc, &in, g.deps.Choices.Write(ctx, &in))
}

// hasty returns how long the address has to wait before it may choose again.
func (g *Gateway) hasty(a netip.Addr, now time.Time) time.Duration {
	if a.IsLoopback() && !g.config.LimitLoopback {
		return 0
	}
	wait := g.choosers.take(network(a), now)
	if wait > 0 {
		g.metrics.hasty.Inc()
	}
	return wait
}

func (g *Gateway) choose(rc *fasthttp.RequestCtx, in *choice.Request, a choice.Answer) {
	varyOrigin(rc)
	if a.OriginListed && len(in.Origin) > 0 {
		allowOrigin(rc, in.Origin)
	}
	if a.RetryAfter > 0 {
		rc.Response.Header.Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	if a.State == nil {
		problem(rc, a.Status, a.Problem)
		return
	}
	if !rc.IsHead() { // dispatch did
		g.offerRequests(rc)
	}
	for _, c := range a.Cookies {
		setCookie(rc, c)
	}
	writeJSON(rc, a.State)
}

// cookieLife is how long our cookies live from a time on.
func cookieLife(from time.Time) time.Duration {
	return from.AddDate(0, cookie.MaxAgeMonths, 0).Sub(from)
}

// setCookie sets a cookie as its __Host- prefix demands, or takes it away by an
// empty value. Browsers take a Secure cookie on loopback without TLS too, so the
// demo needs no exception. Lax, since people come from links in mails.
func setCookie(rc *fasthttp.RequestCtx, c choice.Cookie) {
	out := fasthttp.AcquireCookie()
	defer fasthttp.ReleaseCookie(out)
	out.SetKey(c.Name)
	out.SetValue(c.Value)
	out.SetPath("/")
	out.SetSecure(true)
	out.SetHTTPOnly(true)
	out.SetSameSite(fasthttp.CookieSameSiteLaxMode)
	if c.Value == "" {
		out.SetExpire(fasthttp.CookieExpireDelete)
	} else {
		out.SetMaxAge(int(c.MaxAge / time.Second))
	}
	rc.Response.Header.SetCookie(out)
}
