package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// eachQuery calls yield with each parameter, decoded, until it returns false.
func eachQuery(in *fasthttp.Request, yield func(name, value []byte) bool) {
	uri := in.URI()
	if len(uri.QueryString()) == 0 {
		return
	}
	for key, value := range uri.QueryArgs().All() {
		if !yield(key, value) {
			return
		}
	}
}

// eachCookie calls yield with each cookie as it stands in the header, until it
// returns false. It reads the header itself: fasthttp leaves cookies out
// that are not well-formed, and a refusal that cannot be read must not vanish.
func eachCookie(h *fasthttp.RequestHeader, yield func(name, value []byte) bool) {
	for rest := h.RawHeaders(); len(rest) > 0; {
		var line []byte
		line, rest, _ = bytes.Cut(rest, newline)
		head, list, found := bytes.Cut(line, colon)
		if !found || len(head) != len(cookieHeader) || !sameFold(head, cookieHeader) {
			continue
		}
		for len(list) > 0 {
			var pair []byte
			pair, list, _ = bytes.Cut(list, semicolon)
			key, value, _ := bytes.Cut(pair, equals)
			if !yield(bytes.TrimSpace(key), bytes.TrimSpace(value)) {
				return
			}
		}
	}
}

const cookieHeader = "cookie"

var (
	newline   = []byte("\n")
	semicolon = []byte(";")
	equals    = []byte("=")
)
