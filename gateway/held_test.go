package gateway

import (
	"net/http"
	"sync/atomic"
	"testing"
)

// TestHeldBack: while erasures since a backup are not all carried out again nobody is
// collected from, asked or told anything; what has to do with nobody is served.
func TestHeldBack(t *testing.T) {
	var passing atomic.Bool
	h := openWith(t, func(d *Deps) { d.Passing = passing.Load })
	auth := []string{"Authorization", "Bearer sk"}
	for _, to := range []struct{ method, path string }{
		{http.MethodPost, "/v1/track"},
		{http.MethodPost, "/v1/batch"},
		{http.MethodPost, "/e"},
		{http.MethodGet, "/p.gif"},
		{http.MethodPost, "/v1/explain"},
		{http.MethodGet, "/consent"},
		{http.MethodPost, "/consent"},
		{http.MethodGet, "/demo/"},
	} {
		got := h.send(t, to.method, to.path, "{}", auth...)
		got.problem(t, http.StatusServiceUnavailable, "")
		if got.header.Get("Retry-After") == "" {
			t.Errorf("%s %s: no Retry-After", to.method, to.path)
		}
	}
	if n := h.fake.count(); n != 0 {
		t.Errorf("%d requests reached the collector", n)
	}
	if got := h.send(t, http.MethodGet, "/z.js", ""); got.status != http.StatusOK {
		t.Errorf("the snippet: %d", got.status)
	}
	if err := h.Ready(); err != ErrHeld { //nolint:errorlint // it is returned as it is
		t.Error(err)
	}
	passing.Store(true)
	if got := h.send(t, http.MethodPost, "/v1/track", "{}", auth...); got.status == http.StatusServiceUnavailable || h.Ready() != nil {
		t.Errorf("%d, %v", got.status, h.Ready())
	}
}
