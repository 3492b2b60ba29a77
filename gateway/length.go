package gateway

import (
	"bytes"

	"github.com/valyala/fasthttp"
)

// length is what a request's headers say about its body.
type length uint8

const (
	lengthGood length = iota
	lengthTwice
	lengthTooLong
)

// lengthsOf finds Content-Length beside Transfer-Encoding, which fasthttp lets
// pass and a proxy in front may have read the other way (RFC 9112, 6.1): what
// follows on such a connection may be somebody else's request. Only the raw
// headers tell, since a chunked body's length takes the place of both. They
// tell too when headerReceived has set aside a length that is too long.
func lengthsOf(h *fasthttp.RequestHeader) length {
	var said, chunked, some bool
	for rest := h.RawHeaders(); len(rest) > 0; {
		end := bytes.IndexByte(rest, '\n')
		line := rest
		if end >= 0 {
			line, rest = rest[:end], rest[end+1:]
		} else {
			rest = nil
		}
		if hasPrefixFold(line, lengthHead) {
			said = true
			some = some || bytes.ContainsAny(line, "123456789")
		}
		chunked = chunked || hasPrefixFold(line, chunkedHead)
	}
	switch {
	case said && chunked:
		return lengthTwice
	case some && h.ContentLength() == 0:
		return lengthTooLong
	}
	return lengthGood
}

var (
	lengthHead  = []byte("Content-Length:")
	chunkedHead = []byte("Transfer-Encoding:")
)
