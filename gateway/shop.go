package gateway

import (
	"fmt"

	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/web"
)

// shopPolicy allows nothing but the shop's own files and addresses: no inline
// script, no inline style, no frame around it.
const shopPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; " +
	"form-action 'none'; base-uri 'none'; frame-ancestors 'none'"

// shop serves the demo shop: pages made once, at start.
type shop struct{ files map[string]static }

func newShop(from *web.Shop, snippet string) (*shop, error) {
	pages, err := from.Files(snippet)
	if err != nil {
		return nil, fmt.Errorf("make the demo shop: %w", err)
	}
	s := &shop{files: make(map[string]static, len(pages))}
	for _, p := range pages {
		s.files[p.Path] = newStatic(p.Body, p.Type)
	}
	return s, nil
}

func (s *shop) serve(rc *fasthttp.RequestCtx) {
	path := string(rc.Path())
	if path == "/demo" {
		rc.Response.Header.Set("Location", "/demo/")
		rc.SetStatusCode(fasthttp.StatusMovedPermanently)
		return
	}
	h := &rc.Response.Header
	h.Set("Content-Security-Policy", shopPolicy)
	h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
	h.Set("Permissions-Policy", "geolocation=(), camera=(), microphone=(), interest-cohort=()")
	file, ok := s.files[path]
	if !ok {
		problem(rc, fasthttp.StatusNotFound, collector.Problem{Title: "There is nothing at this address"})
		return
	}
	file.serve(rc)
	h.Set("Cache-Control", "no-cache") // made anew at each start
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
}
