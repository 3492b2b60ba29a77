package gateway

import (
	"bytes"
	"encoding/base64"
	"time"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

// call is the reusable part of one request: what the collector reads, what it
// answers, and the accessors, bound once so that a request makes none.
// Nothing in it outlives the request.
type call struct {
	request collector.Request
	answer  collector.Answer
	in      *fasthttp.Request
	has     named
	auth    []byte
}

func newCall() *call {
	c := &call{}
	c.request.Header = c.header
	c.request.Cookie = c.cookie
	c.request.Query = c.query
	c.request.Cookies = c.cookies
	c.request.Queries = c.queries
	return c
}

// fill reads everything but the body and the address.
func (c *call) fill(in *fasthttp.Request, route collector.Route, has named, now time.Time) {
	c.in, c.has = in, has
	c.answer.Reset()
	r := &c.request
	r.Route = route
	r.AuthKey = c.key()
	r.Origin = nil
	if has&namedOrigin != 0 {
		r.Origin = in.Header.Peek("Origin")
	}
	r.UserAgent = in.Header.UserAgent()
	r.ReceivedAt, r.Began = now.UTC(), now
	r.Strict = string(in.URI().QueryArgs().Peek("strict")) == "1"
}

// empty forgets the request, keeping the buffers.
func (c *call) empty() {
	c.in, c.has = nil, 0
	clear(c.auth[:cap(c.auth)])
	c.request = collector.Request{
		Header: c.request.Header, Cookie: c.request.Cookie, Query: c.request.Query,
		Cookies: c.request.Cookies, Queries: c.request.Queries,
	}
	c.answer.Reset()
}

func (c *call) header(name string, yield func(value []byte) bool) {
	if c.has.absent(name) {
		return
	}
	for _, value := range c.in.Header.PeekAll(name) {
		if !yield(value) {
			return
		}
	}
}

func (c *call) cookie(name string) []byte {
	if c.has&namedCookie == 0 {
		return nil
	}
	return c.in.Header.Cookie(name)
}

func (c *call) cookies(yield func(name, value []byte) bool) {
	if c.has&namedCookie != 0 {
		eachCookie(&c.in.Header, yield)
	}
}

func (c *call) query(name string) []byte { return c.in.URI().QueryArgs().Peek(name) }

func (c *call) queries(yield func(name, value []byte) bool) { eachQuery(c.in, yield) }

var (
	basicHead  = []byte("Basic ")
	bearerHead = []byte("Bearer ")
)

// key returns the write key of the Authorization header, else of the query. The
// one in a JSON body is the collector's to find. A missing colon after the name
// in Basic is tolerated, as Segment's servers do.
func (c *call) key() []byte {
	if c.has&namedAuthorization == 0 {
		return c.query("writeKey")
	}
	auth := bytes.TrimSpace(c.in.Header.Peek("Authorization"))
	switch {
	case hasPrefixFold(auth, bearerHead):
		return bytes.TrimSpace(auth[len(bearerHead):])
	case hasPrefixFold(auth, basicHead):
		return c.basic(bytes.TrimSpace(auth[len(basicHead):]))
	}
	return c.query("writeKey")
}

func (c *call) basic(text []byte) []byte {
	c.auth = append(c.auth[:0], text...) // what is decoded is shorter
	n, err := base64.StdEncoding.Decode(c.auth, text)
	if err != nil {
		if n, err = base64.RawStdEncoding.Decode(c.auth, text); err != nil {
			return nil
		}
	}
	name, _, _ := bytes.Cut(c.auth[:n], colon)
	return name
}

func hasPrefixFold(s, prefix []byte) bool {
	return len(s) >= len(prefix) && bytes.EqualFold(s[:len(prefix)], prefix)
}
