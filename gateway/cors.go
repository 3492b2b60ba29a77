package gateway

import (
	"github.com/valyala/fasthttp"
)

// Names and values of every answer, as they are written: fasthttp would bring
// each name into that form again.
var (
	vary         = []byte("Vary")
	byOrigin     = []byte("Origin")
	typeOptions  = []byte("X-Content-Type-Options")
	nosniff      = []byte("nosniff")
	decisionName = []byte("X-Consent-Decision")
)

// allowOrigin lets the page that asked read the answer. The origin is one that
// a site lists, so it may be repeated exactly; with credentials a star would not do.
func allowOrigin(rc *fasthttp.RequestCtx, origin []byte) {
	h := &rc.Response.Header
	h.SetBytesV("Access-Control-Allow-Origin", origin)
	h.Set("Access-Control-Allow-Credentials", "true")
	h.Set("Access-Control-Expose-Headers", "X-Consent-Decision, Tk, Retry-After")
}

// varyOrigin says to caches that the answer depends on the origin, listed or not.
func varyOrigin(rc *fasthttp.RequestCtx) { rc.Response.Header.SetCanonical(vary, byOrigin) }

// anyOrigin is for answers that belong to no site: any site's listed origin may read them.
func (g *Gateway) anyOrigin(rc *fasthttp.RequestCtx) {
	varyOrigin(rc)
	if origin := rc.Request.Header.Peek("Origin"); len(origin) > 0 && g.deps.Sites.OriginListed(origin) {
		allowOrigin(rc, origin)
	}
}

// preflight answers OPTIONS. A preflight carries no key, so an origin that any
// site lists may go on; the request itself is held to its own site's list.
func (g *Gateway) preflight(rc *fasthttp.RequestCtx, to target) {
	h := &rc.Response.Header
	h.Set("Allow", allows[to.methods])
	varyOrigin(rc)
	if origin := rc.Request.Header.Peek("Origin"); len(origin) > 0 && g.deps.Sites.OriginListed(origin) {
		allowOrigin(rc, origin)
		h.Set("Access-Control-Allow-Methods", "GET, POST")
		h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type")
		h.Set("Access-Control-Max-Age", "7200")
	}
	rc.SetStatusCode(fasthttp.StatusNoContent)
}
