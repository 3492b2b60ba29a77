package gateway

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"

	"github.com/valyala/fasthttp"
)

// static is a file that is compressed once, at start.
type static struct {
	hash, kind          string
	plain, gzip, brotli []byte
}

func newStatic(body []byte, kind string) static {
	sum := sha256.Sum256(body)
	return static{
		hash: hex.EncodeToString(sum[:8]), kind: kind, plain: body,
		gzip:   fasthttp.AppendGzipBytesLevel(nil, body, fasthttp.CompressBestCompression),
		brotli: fasthttp.AppendBrotliBytesLevel(nil, body, fasthttp.CompressBrotliBestCompression),
	}
}

// serve answers with the best encoding that the client takes. Asked for by its
// hash (?v=HASH) the file never changes; else it may for an hour.
func (s *static) serve(rc *fasthttp.RequestCtx) {
	h := &rc.Response.Header
	h.Add("Vary", "Accept-Encoding")
	if string(rc.QueryArgs().Peek("v")) == s.hash {
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
	} else {
		h.Set("Cache-Control", "public, max-age=3600")
	}
	h.Set("Cross-Origin-Resource-Policy", "cross-origin")
	body, name := s.choose(&rc.Request.Header)
	tag := `"` + s.hash + `"`
	if name != "" {
		tag = `"` + s.hash + "-" + name + `"`
	}
	h.Set("ETag", tag)
	if matches(rc.Request.Header.Peek("If-None-Match"), tag) {
		rc.SetStatusCode(fasthttp.StatusNotModified)
		return
	}
	if name != "" {
		h.Set("Content-Encoding", name)
	}
	h.SetContentType(s.kind)
	rc.SetBody(body)
}

func (s *static) choose(h *fasthttp.RequestHeader) (body []byte, name string) {
	switch {
	case accepts(h, "br"):
		return s.brotli, "br"
	case accepts(h, "gzip"):
		return s.gzip, "gzip"
	}
	return s.plain, ""
}

// accepts reads Accept-Encoding: the coding is named and not given the weight 0.
func accepts(h *fasthttp.RequestHeader, coding string) bool {
	for _, line := range h.PeekAll("Accept-Encoding") {
		for item := range bytes.SplitSeq(line, []byte(",")) {
			name, weight, _ := bytes.Cut(item, []byte(";"))
			if string(bytes.ToLower(bytes.TrimSpace(name))) != coding {
				continue
			}
			weight, found := bytes.CutPrefix(bytes.ReplaceAll(weight, []byte(" "), nil), []byte("q="))
			return !found || len(bytes.Trim(weight, "0.")) > 0
		}
	}
	return false
}

// matches reads If-None-Match: a star, or a list of tags, weak ones included.
func matches(header []byte, tag string) bool {
	for item := range bytes.SplitSeq(header, []byte(",")) {
		item = bytes.TrimPrefix(bytes.TrimSpace(item), []byte("W/"))
		if string(item) == tag || string(item) == "*" {
			return true
		}
	}
	return false
}
