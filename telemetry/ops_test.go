package telemetry

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"go.uber.org/goleak"
)

func TestOps(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	var notReady atomic.Bool
	ops, err := NewOps(t.Context(), "127.0.0.1:0", NewRegistry(), func() error {
		if notReady.Load() {
			return errors.New("the spool is full")
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- ops.Run() }()

	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	expect := func(path string, status int, part string) {
		t.Helper()
		resp, err := client.Get("http://" + ops.Addr() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status || !strings.Contains(string(body), part) {
			t.Errorf("%s: %d %q, want %d with %q", path, resp.StatusCode, body, status, part)
		}
	}
	expect("/healthz", http.StatusOK, "alive")
	expect("/readyz", http.StatusOK, "ready")
	expect("/metrics", http.StatusOK, "zgoda_build_info")
	notReady.Store(true)
	expect("/readyz", http.StatusServiceUnavailable, "the spool is full")
	expect("/other", http.StatusNotFound, "")

	for range 2 {
		_ = ops.Close()
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

func TestOpsPortTaken(t *testing.T) {
	first, err := NewOps(t.Context(), "127.0.0.1:0", NewRegistry(), func() error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	if _, err := NewOps(t.Context(), first.Addr(), NewRegistry(), nil); err == nil || !strings.Contains(err.Error(), "--ops") {
		t.Fatalf("want an error that names --ops, got %v", err)
	}
}
