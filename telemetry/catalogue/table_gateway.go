package catalogue

// routes are the gateway's endpoints; none is a path that is not one.
var routes = []string{"beacon", "confirm", "consent", "consent-requests", "demo", "explain", "gpc", "none", "pixel", "rights", "segment", "settings", "snippet"}

// answers are the edges of what somebody waits for.
var answers = []float64{.0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10}

// stages are the edges of the parts of one, some of which take microseconds.
var stages = []float64{.00001, .00002, .00005, .0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .25, .5, 1, 2.5, 5, 10}

var gatewayMetrics = group("gateway", Gateway,
	gauge("zgoda_gateway_body_bytes", "Memory that bodies of requests in flight hold, beyond the first 8 KiB of each."),
	gauge("zgoda_gateway_body_bytes_limit", "Memory that bodies of requests in flight may hold."),
	gauge("zgoda_gateway_connections", "Open connections."),
	gauge("zgoda_gateway_connections_limit", "Connections that may be open at once."),
	counter("zgoda_gateway_limited_total", "What one address was refused, by the limit that it had reached.",
		by("limit", "choices", "connections")),
	counter("zgoda_gateway_panics_total", "Requests whose handling failed by a fault of ours.", note("Should stay 0.")),
	histogram("zgoda_gateway_request_seconds", "Time from a whole request to its answer, by route.", answers,
		by("route", routes...)),
	gauge("zgoda_gateway_requests_in_flight", "Requests being handled."),
	counter("zgoda_gateway_requests_total", "Requests answered, by route and class of status.",
		by("route", routes...), by("status", "1xx", "2xx", "3xx", "4xx", "5xx", "other")),
	counter("zgoda_gateway_unreadable_requests_total", "Requests that could not be read, by what was wrong.",
		by("fault", "body_too_large", "header_too_large", "no_memory", "not_decompressed", "syntax", "too_slow")),
	gauge("zgoda_ready", "1 while traffic may be sent here, as GET /readyz says."),
)
