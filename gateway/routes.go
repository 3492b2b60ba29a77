package gateway

import (
	"bytes"
	"context"
	"runtime/debug"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/confirm"
)

// endpoint is what a path leads to; it is a metric's label.
type endpoint uint8

const (
	endpointNone endpoint = iota
	endpointSegment
	endpointBeacon
	endpointPixel
	endpointSettings
	endpointExplain
	endpointConsent
	endpointSnippet
	endpointGPC
	endpointDemo
	endpointConfirm
	endpointRequests
	endpointRights
	endpointCount
)

var endpointNames = [...]string{
	"none", "segment", "beacon", "pixel", "settings", "explain", "consent", "snippet", "gpc", "demo", "confirm", "consent-requests", "rights",
}

// collects says whether events are taken there.
func (e endpoint) collects() bool {
	return e == endpointSegment || e == endpointBeacon || e == endpointPixel
}

// String returns the endpoint as metrics write it.
func (e endpoint) String() string { return endpointNames[e] }

// methods are the methods that a route answers, besides OPTIONS.
type methods uint8

const (
	methodGet methods = 1 << iota // and HEAD
	methodPost
)

var allows = [...]string{"OPTIONS", "GET, HEAD, OPTIONS", "POST, OPTIONS", "GET, HEAD, POST, OPTIONS"}

// target is one row of the table of routes.
type target struct {
	endpoint endpoint
	methods  methods
	route    collector.Route
}

// targets are the routes whose path is fixed. analytics.js 2 posts to the first letter.
var targets = map[string]target{
	"/v1/track":             {endpointSegment, methodPost, collector.RouteTrack},
	"/v1/t":                 {endpointSegment, methodPost, collector.RouteTrack},
	"/v1/page":              {endpointSegment, methodPost, collector.RoutePage},
	"/v1/p":                 {endpointSegment, methodPost, collector.RoutePage},
	"/v1/screen":            {endpointSegment, methodPost, collector.RouteScreen},
	"/v1/s":                 {endpointSegment, methodPost, collector.RouteScreen},
	"/v1/identify":          {endpointSegment, methodPost, collector.RouteIdentify},
	"/v1/i":                 {endpointSegment, methodPost, collector.RouteIdentify},
	"/v1/group":             {endpointSegment, methodPost, collector.RouteGroup},
	"/v1/g":                 {endpointSegment, methodPost, collector.RouteGroup},
	"/v1/alias":             {endpointSegment, methodPost, collector.RouteAlias},
	"/v1/a":                 {endpointSegment, methodPost, collector.RouteAlias},
	"/v1/batch":             {endpointSegment, methodPost, collector.RouteBatch},
	"/v1/b":                 {endpointSegment, methodPost, collector.RouteBatch},
	"/e":                    {endpointBeacon, methodPost, collector.RouteBeacon},
	"/p.gif":                {endpointPixel, methodGet, collector.RoutePixel},
	"/v1/explain":           {endpointExplain, methodPost, collector.RouteAny},
	"/consent":              {endpointConsent, methodGet | methodPost, 0},
	"/z.js":                 {endpointSnippet, methodGet, 0},
	"/.well-known/gpc.json": {endpointGPC, methodGet, 0},
	requestsPath:            {endpointRequests, methodGet, 0},
}

// The limits of routes that have no use for the longest body.
const (
	eventBytes  = 64 << 10 // one event, with room for what is not stored of it
	choiceBytes = 8 << 10
)

// bodyLimit is of one body, before and after decompression.
func (g *Gateway) bodyLimit(to target) int {
	switch {
	case to.endpoint == endpointConsent, to.endpoint == endpointConfirm, to.endpoint == endpointRights:
		return min(choiceBytes, g.config.MaxBodyBytes)
	case to.endpoint == endpointSegment && to.route != collector.RouteBatch:
		return min(eventBytes, g.config.MaxBodyBytes)
	default:
		return g.config.MaxBodyBytes
	}
}

var (
	settingsHead = []byte("/v1/projects/")
	settingsTail = []byte("/settings")
	demoHead     = []byte("/demo/")
)

// find returns where a path leads; the zero target is nowhere.
func (g *Gateway) find(path []byte) target {
	if t, ok := targets[string(path)]; ok {
		return t
	}
	if settingsKey(path) != nil {
		return target{endpointSettings, methodGet, 0}
	}
	if g.deps.Confirmations != nil && (string(path) == confirm.Path || string(path) == confirm.DonePath) {
		return target{endpointConfirm, methodGet | methodPost, 0}
	}
	if g.deps.Proofs != nil && (string(path) == confirm.ProofPath || string(path) == confirm.ProvenPath) {
		return target{endpointConfirm, methodGet | methodPost, 0}
	}
	if g.deps.Own != nil && string(path) == rightsPath {
		return target{endpointRights, methodPost, 0}
	}
	if g.deps.Footers != nil && string(path) == confirm.WithdrawPath {
		return target{endpointConfirm, methodGet | methodPost, 0}
	}
	if g.shop != nil && (bytes.HasPrefix(path, demoHead) || string(path) == "/demo") {
		return target{endpointDemo, methodGet, 0}
	}
	return target{}
}

// settingsKey returns KEY of /v1/projects/KEY/settings, or nil.
func settingsKey(path []byte) []byte {
	key, ok := bytes.CutPrefix(path, settingsHead)
	if !ok {
		return nil
	}
	if key, ok = bytes.CutSuffix(key, settingsTail); !ok || len(key) == 0 || bytes.IndexByte(key, '/') >= 0 {
		return nil
	}
	return key
}

// serve answers one request. A panic is answered too: one bad request must not
// take the process, and everyone's events, with it.
func (g *Gateway) serve(ctx context.Context, rc *fasthttp.RequestCtx) {
	start := time.Now()
	to := g.find(rc.Path())
	g.metrics.begun()
	defer func() {
		if recover() != nil {
			g.metrics.panics.Inc()
			// The value is left out: it may hold what the client sent.
			g.deps.Logger.Error("a request could not be handled", "route", to.endpoint.String(), "stack", string(debug.Stack()))
			rc.Response.Reset()
			problem(rc, fasthttp.StatusInternalServerError, collector.Problem{Title: "A fault of ours"})
		}
		if g.unread(rc) {
			lingerAtClose(rc.Conn())
			rc.SetConnectionClose()
		} else if g.draining.Load() {
			rc.SetConnectionClose()
		}
		g.metrics.answered(to.endpoint, rc.Response.StatusCode(), start)
	}()
	rc.Response.Header.SetCanonical(typeOptions, nosniff)
	g.dispatch(ctx, rc, to, start)
}

// held says whether an endpoint that has to do with people is held back.
func (g *Gateway) held(to endpoint) bool {
	if g.deps.Passing == nil || g.deps.Passing() {
		return false
	}
	return to != endpointSnippet && to != endpointGPC && to != endpointSettings && to != endpointRequests
}

func (g *Gateway) dispatch(ctx context.Context, rc *fasthttp.RequestCtx, to target, now time.Time) {
	has := namedIn(&rc.Request.Header)
	if l := lengthsOf(&rc.Request.Header, has); l != lengthGood {
		g.refuseLength(rc, l)
		return
	}
	if rc.IsHead() {
		g.offerRequests(rc)
		if to.methods&methodGet == 0 || has&namedADPC != 0 {
			g.head(rc)
			return
		}
	}
	if to.endpoint == endpointNone {
		g.anyOrigin(rc)
		problem(rc, fasthttp.StatusNotFound, collector.Problem{Title: "There is nothing at this address"})
		return
	}
	var asked methods
	switch {
	case rc.IsOptions():
		g.preflight(rc, to)
		return
	case rc.IsGet(), rc.IsHead():
		asked = methodGet
	case rc.IsPost():
		asked = methodPost
	}
	if to.methods&asked == 0 {
		g.anyOrigin(rc)
		rc.Response.Header.Set("Allow", allows[to.methods])
		problem(rc, fasthttp.StatusMethodNotAllowed, collector.Problem{Title: "This address does not take this method", Detail: "See the Allow header."})
		return
	}
	if g.held(to.endpoint) {
		g.unreadable(rc, fasthttp.StatusServiceUnavailable, collector.Problem{Title: "A restore is not over; come back", Detail: "restoring"})
		return
	}
	if to.endpoint.collects() {
		g.collect(ctx, rc, to, has, now)
	} else {
		g.respond(ctx, rc, to.endpoint, now)
	}
	if rc.IsHead() && pageless(rc.Response.StatusCode()) {
		rc.Response.ResetBody()
		rc.Response.Header.Del("Content-Type")
		g.head(rc)
	}
}

// refuseLength answers a request whose body has no good length.
func (g *Gateway) refuseLength(rc *fasthttp.RequestCtx, l length) {
	switch l {
	case lengthTwice:
		g.metrics.broken[brokenSyntax].Inc()
		rc.SetConnectionClose()
		problem(rc, fasthttp.StatusBadRequest, collector.Problem{Title: "The request says its length in two ways", Field: "Content-Length"})
	case lengthTooLong:
		g.metrics.broken[brokenBody].Inc()
		lingerAtClose(rc.Conn())
		rc.SetConnectionClose()
		g.unreadable(rc, fasthttp.StatusRequestEntityTooLarge, collector.Problem{Title: "The body is too large", Field: "body"})
	case lengthGood:
	}
}

// respond answers at the endpoints that collect nothing.
func (g *Gateway) respond(ctx context.Context, rc *fasthttp.RequestCtx, at endpoint, now time.Time) {
	switch at {
	case endpointExplain:
		g.explain(ctx, rc, now)
	case endpointConsent:
		g.consent(ctx, rc, now)
	case endpointSettings:
		g.settings(rc)
	case endpointSnippet:
		g.anyOrigin(rc)
		g.snippet.serve(rc)
	case endpointGPC:
		g.anyOrigin(rc)
		gpc(rc)
	case endpointRequests:
		g.requests(rc)
	case endpointDemo:
		if !rc.IsHead() {
			g.offerRequests(rc)
		}
		g.shop.serve(rc)
	case endpointConfirm:
		g.confirmation(ctx, rc, now)
	case endpointRights:
		g.ownRights(ctx, rc, now)
	case endpointSegment, endpointBeacon, endpointPixel, endpointNone, endpointCount: // answered by dispatch
	}
}
