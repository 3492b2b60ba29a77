package collector

import (
	"net/netip"
	"time"
)

// Route says by which door a request came, and so how its body is read.
type Route uint8

// The routes. The zero value is not a route.
const (
	RouteUnknown Route = iota
	RouteTrack
	RoutePage
	RouteScreen
	RouteIdentify
	RouteGroup
	RouteAlias
	RouteBatch
	RouteBeacon // POST /e, our snippet
	RoutePixel  // GET /p.gif, everything in the query
	RouteAny    // POST /v1/explain: the body itself says what it is
)

var routeNames = [...]string{"unknown", "track", "page", "screen", "identify", "group", "alias", "batch", "beacon", "pixel", "any"}

// String returns the route as metrics write it.
func (r Route) String() string {
	if int(r) < len(routeNames) {
		return routeNames[r]
	}
	return routeNames[RouteUnknown]
}

// Request is one request as the gateway read it. Every slice belongs to the
// caller and is read only until Collect or Explain returns.
type Request struct {
	Route     Route
	AuthKey   []byte     // from Basic, Bearer or ?writeKey=; empty when there was none
	Origin    []byte     // the Origin header; empty when there was none
	Address   netip.Addr // of the client, behind the configured proxies
	UserAgent []byte
	Header    func(name string, yield func(value []byte) bool) // every value of a header; nil: none
	Cookie    func(name string) []byte                         // nil when absent
	Query     func(name string) []byte                         // decoded; nil when absent
	// Cookies and Queries are every cookie, raw, and every parameter, decoded,
	// until yield returns false. nil: none.
	Cookies, Queries func(yield func(name, value []byte) bool)

	Body       []byte // after decompression
	ReceivedAt time.Time
	Began      time.Time // when it began to be handled, by the monotonic clock; zero: with Collect
	Strict     bool      // ?strict=1: list the refused items of a batch
}

// Problem is the safe text of a refusal (RFC 9457). It never holds content.
type Problem struct {
	Title  string
	Detail string
	Field  string
}

// Refusal is one refused item of a batch.
type Refusal struct {
	Index  int
	Field  string
	Reason string // an event.Reason as text
}

// Answer is what to tell the client. It is reusable: Reset before another use.
type Answer struct {
	Status       int   // 200 taken or dropped for consent; else 400, 401, 403, 413, 503
	Site         *Site // nil when the key is unknown
	OriginListed bool  // the Origin is one of the site's, so CORS headers may be sent
	RetryAfter   int   // seconds, with 503
	Problem      Problem
	Decision     []byte // the value of X-Consent-Decision; empty: leave the header out
	Tk           bool   // a Do-Not-Track header came and nobody is tracked: answer "Tk: N"
	// Forget tells the browser to put Visitor in place of the visitor's cookie, empty:
	// to take it away. Whom it named was erased.
	Forget   bool
	Visitor  string
	Refused  []Refusal
	Accepted int // events on disk
	Dropped  int // events dropped for consent
	lap      lap // the time of the request that this answers
}

// Reset makes the answer ready for another request, keeping its buffers.
func (a *Answer) Reset() {
	*a = Answer{Decision: a.Decision[:0], Refused: a.Refused[:0]}
}
