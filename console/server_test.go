package console_test

import (
	"context"
	"net"
	"net/http"
	"strings"
	"testing"

	"zgoda/console"
	"zgoda/console/consoletest"
)

func TestStatus(t *testing.T) {
	r := consoletest.Start(t, func(c *console.Config) { c.Version = "v9" })
	var out struct {
		Version   string
		Processes []console.Process
	}
	do(t, r, "GET", "/api/v1/status", "").json(t, &out)
	if out.Version != "v9" || len(out.Processes) != 1 || out.Processes[0].Name != "keyholder" {
		t.Fatalf("%+v", out)
	}
}

func parts() console.Deps {
	return console.Deps{
		Directory: &consoletest.Directory{}, Waiting: &consoletest.Waiting{}, Sites: consoletest.Sites{}, Explainer: consoletest.Explainer{},
		SQL: &consoletest.SQL{}, Tokens: &consoletest.Tokens{},
	}
}

func TestCloseBeforeRunAndTwice(t *testing.T) {
	cfg := console.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	s, err := console.New(cfg, parts())
	if err != nil {
		t.Fatal(err)
	}
	if s.Addr() != nil {
		t.Error("it listens before Run")
	}
	for range 2 {
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestRunEndsWithItsContext(t *testing.T) {
	cfg := console.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	s, err := console.New(cfg, parts())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-s.Started()
	cancel()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if _, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", s.Addr().String()); err == nil {
		t.Error("it still listens")
	}
}

func TestPortTaken(t *testing.T) {
	r := consoletest.Start(t, nil)
	cfg := console.DefaultConfig()
	cfg.Address = r.Server.Addr().String()
	s, err := console.New(cfg, parts())
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), cfg.Address) {
		t.Fatalf("on a taken port: %v", err)
	}
}

func TestLocalTokenIsOptional(t *testing.T) {
	cfg := console.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	s, err := console.New(cfg, parts())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.Run(t.Context()) }()
	<-s.Started()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+s.Addr().String()+"/api/v1/status", nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer  ")
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusUnauthorized {
		t.Errorf("an empty token where none is set: %d", resp.StatusCode)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}
