package gateway

import (
	"bufio"
	"context"
	"errors"
	"io"
	"strconv"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/consent/cookie"
	"zgoda/rights/own"
)

// rightsPath is where people use their rights by themselves.
const rightsPath = "/rights"

// Own takes the requests that visitors make by themselves; own.Desk is one.
type Own interface {
	Serve(ctx context.Context, r *own.Request) own.Answer
}

// ownRights serves POST /rights.
func (g *Gateway) ownRights(ctx context.Context, rc *fasthttp.RequestCtx, now time.Time) {
	h := &rc.Request.Header
	rc.Response.Header.Set("Cache-Control", "no-store")
	rc.Response.Header.Set("Referrer-Policy", "no-referrer")
	address := g.client(rc, namedIn(h))
	if wait := g.hasty(address, now); wait > 0 {
		g.anyOrigin(rc)
		rc.Response.Header.Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
		problem(rc, fasthttp.StatusTooManyRequests, collector.Problem{Title: "Too many requests come from this address; come back"})
		return
	}
	taken := g.takeIn()
	defer g.putBack(taken)
	body, status, p := g.readBody(rc, taken, namedIn(h), g.bodyLimit(target{endpoint: endpointRights}))
	if status != 0 {
		g.unreadable(rc, status, p)
		return
	}
	a := g.deps.Own.Serve(ctx, &own.Request{
		Origin: h.Peek("Origin"), FetchSite: h.Peek("Sec-Fetch-Site"), Visitor: h.Cookie(cookie.Visitor), Body: body,
		Loopback: address.IsLoopback(), At: now.UTC(),
	})
	varyOrigin(rc)
	if origin := h.Peek("Origin"); a.OriginListed && len(origin) > 0 {
		allowOrigin(rc, origin)
	}
	if a.Retry {
		rc.Response.Header.Set("Retry-After", strconv.Itoa(max(1, int(g.config.RetryAfter/time.Second))))
	}
	if a.Forget {
		setCookie(rc, choice.Cookie{Name: cookie.Visitor})
	}
	switch {
	case a.Results != nil:
		rc.SetStatusCode(a.Status)
		rc.SetContentType("application/json")
		rc.Response.Header.Set("Content-Disposition", `attachment; filename="what-is-held.json"`)
		rc.SetBodyStream(g.streamed(ctx, a.Results), -1)
	case a.Told != nil:
		writeJSON(rc, a.Told)
		rc.SetStatusCode(a.Status)
	default:
		problem(rc, a.Status, collector.Problem{Title: a.Title, Field: a.Field})
	}
}

// streamed hands on what is written. What breaks off ends the connection: an answer
// that ends as one does that is whole would be taken for all that is held.
func (g *Gateway) streamed(ctx context.Context, write func(io.Writer) error) io.Reader {
	from, to := io.Pipe()
	go func() {
		w := bufio.NewWriter(to)
		err := write(w)
		if err == nil {
			err = w.Flush()
		}
		if err != nil && ctx.Err() == nil {
			g.deps.Logger.Warn("a visitor was not given all that is held", "error", err)
		}
		if err != nil {
			err = errBrokenOff
		}
		_ = to.CloseWithError(err) // is never anything but nil
	}()
	return from
}

var errBrokenOff = errors.New("what is held was not all given")
