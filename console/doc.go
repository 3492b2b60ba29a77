// Package console is the operators' REST API under /api/v1, on net/http and on
// a listener of its own, described by an OpenAPI 3.1 document made from the Go
// types.
//
// It guarantees: nothing that reads or changes a person's data, runs a query or
// makes a token is reached without a Bearer token whose role allows it; when the
// token cannot be checked the answer is a refusal; no identifier is ever in a
// URL, a log, a metric or an error; and a request whose Host is not one of ours
// is refused, so that a page in a browser cannot reach a console on loopback by
// rebinding a name. A change is answered only after it is durable and enforced.
package console
