package gateway

import (
	"encoding/json"
	"errors"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

// document is a problem as RFC 9457 writes it, with the field that is wrong.
type document struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail,omitempty"`
	Field  string `json:"field,omitempty"`
}

// problem answers with application/problem+json. The texts are ours: they never
// repeat what the client sent.
func problem(rc *fasthttp.RequestCtx, status int, p collector.Problem) {
	if p.Title == "" {
		p.Title = fasthttp.StatusMessage(status)
	}
	rc.SetStatusCode(status)
	rc.SetContentType("application/problem+json")
	rc.Response.Header.Set("Cache-Control", "no-store")
	body, err := json.Marshal(document{Type: "about:blank", Title: p.Title, Status: status, Detail: p.Detail, Field: p.Field})
	if err != nil {
		rc.SetStatusCode(fasthttp.StatusInternalServerError)
		return
	}
	rc.SetBody(body)
}

// protocolError answers what could not be read as HTTP, or came too slowly.
func (g *Gateway) protocolError(rc *fasthttp.RequestCtx, err error) {
	status, fault, p := bodyFault(err)
	if _, small := errors.AsType[*fasthttp.ErrSmallBuffer](err); small {
		status, fault = fasthttp.StatusRequestHeaderFieldsTooLarge, brokenHeader
		p = collector.Problem{Title: "The headers are too large", Field: "headers"}
	}
	g.metrics.broken[fault].Inc()
	rc.Response.Reset()
	rc.Response.Header.SetCanonical(typeOptions, nosniff)
	g.anyOrigin(rc)
	problem(rc, status, p)
}
