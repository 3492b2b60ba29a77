package gateway

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/consent/cookie"
)

var success = []byte(`{"success":true}`)

// onePixel is a transparent GIF of 1x1.
var onePixel = []byte("GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;")

// collect takes events on one of the collecting routes.
func (g *Gateway) collect(ctx context.Context, rc *fasthttp.RequestCtx, to target, has named, now time.Time) {
	if to.endpoint == endpointPixel && rc.IsHead() {
		pixel(rc) // nothing was shown to anyone
		return
	}
	c := g.calls.Get().(*call) //nolint:forcetypeassert // the pool's New makes nothing else
	defer func() {
		c.empty()
		g.calls.Put(c)
	}()
	c.fill(&rc.Request, to.route, has, now)
	if to.endpoint != endpointPixel {
		in := g.takeIn()
		defer g.putBack(in)
		body, status, p := g.readBody(rc, in, has, g.bodyLimit(to))
		if status != 0 {
			g.unreadable(rc, status, p)
			return
		}
		c.request.Body = body
	}
	c.request.Address = g.client(rc, has)
	g.deps.Collector.Collect(ctx, &c.request, &c.answer)
	g.answer(rc, to.endpoint, c)
	c.answer.Written()
}

// answer writes what the collector said, in the shape of the route.
func (g *Gateway) answer(rc *fasthttp.RequestCtx, e endpoint, c *call) {
	a, h := &c.answer, &rc.Response.Header
	varyOrigin(rc)
	if a.OriginListed && len(c.request.Origin) > 0 {
		allowOrigin(rc, c.request.Origin)
	}
	if len(a.Decision) > 0 {
		h.SetCanonical(decisionName, a.Decision)
	}
	if a.Tk {
		h.Set("Tk", "N")
	}
	if a.Forget {
		setCookie(rc, choice.Cookie{Name: cookie.Visitor, Value: a.Visitor, MaxAge: cookieLife(c.request.ReceivedAt)})
	}
	if a.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(a.RetryAfter))
	}
	switch {
	case e == endpointPixel:
		pixel(rc) // whatever became of it, a mail shows a picture
	case a.Status == 0:
		problem(rc, fasthttp.StatusInternalServerError, collector.Problem{Title: "A fault of ours"})
	case a.Status >= 300:
		g.refuse(rc, a)
	case c.request.Strict && len(a.Refused) > 0:
		strict(rc, a.Refused)
	case e == endpointBeacon:
		rc.SetStatusCode(fasthttp.StatusNoContent)
	default:
		rc.SetContentType("application/json")
		rc.SetBody(success)
	}
}

// refuse answers with a problem. A client that should come back is always told when.
func (g *Gateway) refuse(rc *fasthttp.RequestCtx, a *collector.Answer) {
	if (a.Status == fasthttp.StatusServiceUnavailable || a.Status == fasthttp.StatusTooManyRequests) && a.RetryAfter <= 0 {
		g.retryAfter(rc)
	}
	problem(rc, a.Status, a.Problem)
}

func (g *Gateway) retryAfter(rc *fasthttp.RequestCtx) {
	rc.Response.Header.Set("Retry-After", strconv.Itoa(int(g.config.RetryAfter.Round(time.Second)/time.Second)))
}

func pixel(rc *fasthttp.RequestCtx) {
	rc.SetStatusCode(fasthttp.StatusOK)
	rc.SetContentType("image/gif")
	rc.Response.Header.Set("Cache-Control", "no-store")
	rc.SetBody(onePixel)
}

// refused is one item of a batch as ?strict=1 lists it.
type refused struct {
	Index  int    `json:"index"`
	Field  string `json:"field,omitempty"`
	Reason string `json:"reason"`
}

func strict(rc *fasthttp.RequestCtx, list []collector.Refusal) {
	answer := struct {
		Success bool      `json:"success"`
		Refused []refused `json:"refused"`
	}{Success: true}
	for _, r := range list {
		answer.Refused = append(answer.Refused, refused(r))
	}
	writeJSON(rc, answer)
}

func writeJSON(rc *fasthttp.RequestCtx, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		problem(rc, fasthttp.StatusInternalServerError, collector.Problem{Title: "A fault of ours"})
		return
	}
	rc.SetContentType("application/json")
	rc.SetBody(body)
}
