package apptest

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func get(t *testing.T, address string) string {
	t.Helper()
	resp, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// post sends a body with headers and returns the answer, its body read.
func post(t *testing.T, address, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	return send(t, http.MethodPost, address, body, headers)
}

func send(t *testing.T, method, address, body string, headers map[string]string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range headers {
		req.Header.Set(k, v)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(read)
}

// secretKey is the demo site's key as a server sends it (no Origin).
var secretKey = map[string]string{"Authorization": "Basic ZGVtby1rZXk6", "Content-Type": "application/json"}
