package gateway

import (
	"bytes"
	"errors"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

// body returns the request's body, decompressed within the limit. status is 0
// when it could be read. A second encoding over the first is refused: it has no
// use but to hide how large a body is.
func readBody(req *fasthttp.Request, limit int) (body []byte, status int, p collector.Problem) {
	encoding, ok := contentEncoding(&req.Header)
	if !ok {
		return nil, fasthttp.StatusUnsupportedMediaType, collector.Problem{
			Title: "The body's encoding is not taken", Detail: "Send one of gzip, br, deflate, or none.", Field: "Content-Encoding",
		}
	}
	var err error
	switch encoding {
	case encodingNone:
		body = req.Body()
		if len(body) > limit {
			err = fasthttp.ErrBodyTooLarge
		}
	case encodingGzip:
		body, err = req.BodyGunzipWithLimit(limit)
	case encodingBrotli:
		body, err = req.BodyUnbrotliWithLimit(limit)
	case encodingDeflate:
		body, err = req.BodyInflateWithLimit(limit)
	}
	switch {
	case err == nil:
		return body, 0, collector.Problem{}
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return nil, fasthttp.StatusRequestEntityTooLarge, collector.Problem{Title: "The body is too large", Field: "body"}
	default:
		return nil, fasthttp.StatusBadRequest, collector.Problem{Title: "The body cannot be decompressed", Field: "body"}
	}
}

// encoding is how a body is compressed. zstd is not taken: a stream that stops
// at the limit leaves the decoder's goroutines behind.
type encoding uint8

const (
	encodingNone encoding = iota
	encodingGzip
	encodingBrotli
	encodingDeflate
)

var encodings = map[string]encoding{
	"": encodingNone, "identity": encodingNone, "gzip": encodingGzip, "x-gzip": encodingGzip,
	"br": encodingBrotli, "deflate": encodingDeflate,
}

// contentEncoding reads Content-Encoding; ok is false for one that is unknown,
// listed with another, or sent twice.
func contentEncoding(h *fasthttp.RequestHeader) (e encoding, ok bool) {
	lines := h.PeekAll("Content-Encoding")
	switch len(lines) {
	case 0:
		return encodingNone, true
	case 1:
		e, ok = encodings[string(bytes.ToLower(bytes.TrimSpace(lines[0])))]
		return e, ok
	default:
		return encodingNone, false
	}
}
