package telemetry

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"

	"go.uber.org/goleak"
)

// TestNoProfileUnlessAsked: nothing of pprof answers by default, and nothing but
// the CPU profile when it was asked for.
func TestNoProfileUnlessAsked(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	get := func(ops *Ops, path string) (int, []byte) {
		resp, err := client.Get("http://" + ops.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, body
	}
	for _, asked := range []bool{false, true} {
		ops, err := NewOps(t.Context(), "127.0.0.1:0", NewRegistry(), func() error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		if asked {
			if err := ops.ServeCPUProfile(); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- ops.Run() }()
		for _, path := range []string{"/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/cmdline", "/debug/vars"} {
			if status, _ := get(ops, path); status != http.StatusNotFound {
				t.Errorf("asked %t: %s answers %d", asked, path, status)
			}
		}
		status, body := get(ops, ProfilePath+"?seconds=1")
		switch {
		case !asked && status != http.StatusNotFound:
			t.Errorf("a profile was served unasked: %d", status)
		case asked && status != http.StatusOK:
			t.Errorf("no profile: %d %s", status, body)
		case asked:
			checkProfile(t, body)
			for _, seconds := range []string{"0", "26", "x"} {
				if status, _ := get(ops, ProfilePath+"?seconds="+seconds); status != http.StatusBadRequest {
					t.Errorf("seconds=%s: %d", seconds, status)
				}
			}
		}
		_ = ops.Close()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
	}
}

// checkProfile: it is what pprof writes, compressed protocol buffers.
func checkProfile(t *testing.T, body []byte) {
	t.Helper()
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		t.Fatalf("the profile is not compressed: %v", err)
	}
	if content, err := io.ReadAll(r); err != nil || len(content) == 0 {
		t.Fatalf("the profile cannot be read: %d bytes, %v", len(content), err)
	}
}

// elsewhere is a listener that others could reach.
type elsewhere struct{ net.Listener }

func (elsewhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 8082} }

// TestProfileOnLoopbackOnly: others than this machine never get one.
func TestProfileOnLoopbackOnly(t *testing.T) {
	ops := &Ops{listener: elsewhere{}, mux: http.NewServeMux()}
	if err := ops.ServeCPUProfile(); !errors.Is(err, ErrNotLoopback) {
		t.Fatalf("served on an address of others: %v", err)
	}
	if _, pattern := ops.mux.Handler(&http.Request{Method: http.MethodGet, URL: &url.URL{Path: ProfilePath}}); pattern != "" {
		t.Fatalf("it answers all the same, as %q", pattern)
	}
}
