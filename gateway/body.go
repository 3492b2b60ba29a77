package gateway

import (
	"bytes"
	"errors"
	"net"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
)

// readBody returns the request's body, decompressed within the limit. status is
// 0 when it could be read. A second encoding over the first is refused: it has
// no use but to hide how large a body is.
func (g *Gateway) readBody(rc *fasthttp.RequestCtx, in *intake, has named, limit int) (body []byte, status int, p collector.Problem) {
	encoding, ok := encodingNone, true
	if has&namedContentEncoding != 0 {
		encoding, ok = contentEncoding(&rc.Request.Header)
	}
	if !ok {
		return nil, fasthttp.StatusUnsupportedMediaType, badEncoding
	}
	body, err := in.read(rc, limit)
	if err == nil && encoding != encodingNone {
		rc.Request.SetBodyRaw(body)
		g.unpackers <- struct{}{} // they only compute, so each place is soon free
		body, err = unpack(&rc.Request, encoding, limit)
		if err == nil {
			err = in.out.hold(len(body))
		}
		<-g.unpackers
	}
	if err == nil {
		return body, 0, collector.Problem{}
	}
	status, fault, p := bodyFault(err)
	g.metrics.broken[fault].Inc()
	return nil, status, p
}

// unreadable answers a request whose body could not be read.
func (g *Gateway) unreadable(rc *fasthttp.RequestCtx, status int, p collector.Problem) {
	g.anyOrigin(rc)
	if status == fasthttp.StatusServiceUnavailable {
		g.retryAfter(rc)
	}
	problem(rc, status, p)
}

// plainBody returns the body of a request that is in memory already.
func plainBody(req *fasthttp.Request, limit int) (body []byte, p collector.Problem, ok bool) {
	encoding, known := contentEncoding(&req.Header)
	if !known {
		return nil, badEncoding, false
	}
	body, err := unpack(req, encoding, limit)
	if err != nil {
		_, _, p = bodyFault(err)
		return nil, p, false
	}
	return body, p, true
}

var badEncoding = collector.Problem{
	Title: "The body's encoding is not taken", Detail: "Send one of gzip, br, deflate, or none.", Field: "Content-Encoding",
}

func unpack(req *fasthttp.Request, e encoding, limit int) (body []byte, err error) {
	switch e {
	case encodingNone:
		if body = req.Body(); len(body) > limit {
			return nil, fasthttp.ErrBodyTooLarge
		}
		return body, nil
	case encodingGzip:
		body, err = req.BodyGunzipWithLimit(limit)
	case encodingBrotli:
		body, err = req.BodyUnbrotliWithLimit(limit)
	case encodingDeflate:
		body, err = req.BodyInflateWithLimit(limit)
	}
	if err != nil && !errors.Is(err, fasthttp.ErrBodyTooLarge) {
		return nil, errPacked
	}
	return body, err
}

// errPacked: the body is not what its Content-Encoding says.
var errPacked = errors.New("the body cannot be decompressed")

// bodyFault says what to answer to a body that could not be read.
func bodyFault(err error) (status int, fault broken, p collector.Problem) {
	var slow net.Error
	switch {
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return fasthttp.StatusRequestEntityTooLarge, brokenBody, collector.Problem{Title: "The body is too large", Field: "body"}
	case errors.Is(err, errNoMemory):
		return fasthttp.StatusServiceUnavailable, brokenMemory, collector.Problem{Title: "Too many bodies are being read now; come back"}
	case errors.Is(err, errPacked):
		return fasthttp.StatusBadRequest, brokenPacked, collector.Problem{Title: "The body cannot be decompressed", Field: "body"}
	case errors.As(err, &slow) && slow.Timeout():
		return fasthttp.StatusRequestTimeout, brokenSlow, collector.Problem{Title: "The request took too long"}
	default:
		return fasthttp.StatusBadRequest, brokenSyntax, collector.Problem{Title: "The request cannot be read as HTTP"}
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
