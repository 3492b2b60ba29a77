package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/event"
)

// explain serves POST /v1/explain: what would become of this request, and why.
// Nothing is stored. It tells about contacts, so only a secret key opens it.
func (g *Gateway) explain(ctx context.Context, rc *fasthttp.RequestCtx, now time.Time) {
	varyOrigin(rc)
	rc.Response.Header.Set("Cache-Control", "no-store")
	c := newCall()
	has := namedIn(&rc.Request.Header)
	c.fill(&rc.Request, collector.RouteAny, has, now)
	in := g.takeIn()
	defer g.putBack(in)
	body, status, p := g.readBody(rc, in, has, g.config.MaxBodyBytes)
	if status != 0 {
		g.unreadable(rc, status, p)
		return
	}
	c.request.Body = body
	c.request.Address = g.client(rc, has)
	if !g.secretKey(&c.request) {
		problem(rc, fasthttp.StatusUnauthorized, collector.Problem{
			Title: "A secret key is needed", Detail: "Send the site's secret key in Authorization, from a server.", Field: "Authorization",
		})
		return
	}
	explanation, answer := g.deps.Collector.Explain(ctx, &c.request)
	if answer.Status >= 300 {
		g.refuse(rc, &answer)
		return
	}
	writeJSON(rc, explanation)
}

// secretKey says whether the key beside the body is a server's. One in the body
// does not count: it would have to be believed before it is read.
func (g *Gateway) secretKey(r *collector.Request) bool {
	site, class := g.deps.Sites.ByKey(r.AuthKey)
	switch {
	case site == nil || len(r.Origin) > 0:
		return false
	case class == collector.KeyLoopback:
		return r.Address.IsLoopback()
	default:
		return class == collector.KeySecret
	}
}

// The errors of Explain.
var (
	// ErrRawRequest: the text is not an HTTP request.
	ErrRawRequest = errors.New("the text is not an HTTP request (a request line, headers, an empty line, a body)")
	// ErrRawRoute: the request is not one that collects.
	ErrRawRoute = errors.New("the request is not for an address that collects")
	// ErrRawSite: the request's key is another site's, or nobody's.
	ErrRawSite = errors.New("the request's key is not this site's")
	// ErrRawRefused: the request would be refused; the text after it says why.
	ErrRawRefused = errors.New("the request would be refused")
)

// Explain returns, as JSON, what would become of a raw HTTP request and why.
// It stores nothing. Lines may end in LF alone, and the body may come without
// Content-Length: people paste what they have. The client's address is the one
// in X-Forwarded-For, if there is one, since no socket tells it.
func (g *Gateway) Explain(ctx context.Context, site event.SiteID, raw []byte) ([]byte, error) {
	var in fasthttp.Request
	if err := parseRaw(raw, g.config.MaxBodyBytes, &in); err != nil {
		return nil, err
	}
	to, ok := targets[string(in.URI().Path())]
	if !ok || to.endpoint == endpointConsent || (to.route == collector.RouteUnknown) {
		return nil, ErrRawRoute
	}
	c := newCall()
	c.fill(&in, to.route, namedIn(&in.Header), time.Now())
	body, p, ok := plainBody(&in, g.config.MaxBodyBytes)
	if !ok {
		return nil, fmt.Errorf("%w: %s", ErrRawRefused, p.Title)
	}
	c.request.Body = body
	if lines := in.Header.PeekAll("X-Forwarded-For"); len(lines) > 0 {
		first, _, _ := bytes.Cut(lines[0], []byte(","))
		c.request.Address, _ = parseHop(bytes.TrimSpace(first))
	} else {
		c.request.Address = loopback
	}
	explanation, answer := g.deps.Collector.Explain(ctx, &c.request)
	if answer.Status == fasthttp.StatusUnauthorized && len(c.request.AuthKey) == 0 {
		c.request.AuthKey = g.keyOf(site, len(c.request.Origin) > 0)
		explanation, answer = g.deps.Collector.Explain(ctx, &c.request)
	}
	if answer.Site == nil || answer.Site.ID != site {
		return nil, ErrRawSite
	}
	if answer.Status >= 300 {
		return nil, fmt.Errorf("%w: %s (%s)", ErrRawRefused, answer.Problem.Title, answer.Problem.Field)
	}
	out, err := json.MarshalIndent(explanation, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the explanation: %w", err)
	}
	return out, nil
}

// keyOf returns the key that a request without one is explained under: the
// site's public key when a page sent it, else its secret one.
func (g *Gateway) keyOf(site event.SiteID, page bool) []byte {
	s := g.deps.Sites.ByID(site)
	switch {
	case s == nil:
		return nil
	case !page && len(s.Secret) > 0:
		return s.Secret
	case len(s.PublicKeys) > 0:
		return []byte(s.PublicKeys[0])
	}
	return nil
}

// parseRaw reads the text of an HTTP request, with its headers made regular
// first: CRLF, and the Content-Length that the body really has.
func parseRaw(raw []byte, limit int, in *fasthttp.Request) error {
	head, body := splitRaw(raw)
	var b bytes.Buffer
	for i, line := range bytes.Split(head, []byte("\n")) {
		line = bytes.TrimRight(line, "\r")
		name, _, _ := bytes.Cut(line, []byte(":"))
		if i > 0 && (bytes.EqualFold(name, []byte("Content-Length")) || bytes.EqualFold(name, []byte("Transfer-Encoding"))) {
			continue
		}
		if i == 0 && bytes.Count(line, []byte(" ")) == 1 {
			line = append(bytes.Clone(line), " HTTP/1.1"...)
		}
		b.Write(line)
		b.WriteString("\r\n")
	}
	if !bytes.Contains(bytes.ToLower(head), []byte("\nhost:")) {
		b.WriteString("Host: localhost\r\n")
	}
	fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(body))
	b.Write(body)
	// The reader must hold all headers at once.
	if err := in.ReadLimitBody(bufio.NewReaderSize(&b, max(b.Len(), 16)), limit); err != nil {
		if errors.Is(err, fasthttp.ErrBodyTooLarge) {
			return fmt.Errorf("%w: the body is too large", ErrRawRefused)
		}
		return ErrRawRequest // fasthttp's own words repeat the request
	}
	return nil
}

// splitRaw cuts at the first empty line.
func splitRaw(raw []byte) (head, body []byte) {
	raw = bytes.TrimLeft(raw, "\r\n\t ")
	crlf, lf := bytes.Index(raw, []byte("\r\n\r\n")), bytes.Index(raw, []byte("\n\n"))
	switch {
	case crlf >= 0 && (lf < 0 || crlf < lf):
		return raw[:crlf], raw[crlf+4:]
	case lf >= 0:
		return raw[:lf], raw[lf+2:]
	default:
		return bytes.TrimRight(raw, "\r\n"), nil
	}
}
