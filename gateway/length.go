package gateway

import "github.com/valyala/fasthttp"

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
func lengthsOf(h *fasthttp.RequestHeader, has named) length {
	switch {
	case has&namedContentLength != 0 && has&namedTransferEncoding != 0:
		return lengthTwice
	case has&namedSomeLength != 0 && h.ContentLength() == 0:
		return lengthTooLong
	}
	return lengthGood
}
