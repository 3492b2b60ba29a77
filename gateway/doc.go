// Package gateway is the front door: the public HTTP listener, its routes, its
// limits and its answers. It is the only importer of fasthttp.
//
// It guarantees that
//   - a body is never read past its limit, before or after decompression;
//   - a body takes memory as it comes, never as it is announced, and all bodies in
//     flight hold no more than they may together;
//   - one address has a bounded number of connections and of choices a minute, and
//     what comes through a configured proxy is never on loopback;
//   - nothing of a request is kept after its answer, and nothing that a client
//     sent reaches a log, a metric or an error;
//   - only an origin that a site lists can read an answer in a browser;
//   - Drain returns only after every handler has returned, or its deadline has passed.
//
// One request:
//
//	socket -> route -> bounds, decompression -> collector.Request -> collector
//	                                                                    |
//	socket <- headers, CORS, problem+json <- collector.Answer <---------+
package gateway
