package consoletest

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"zgoda/console"
)

// Running is a console that runs until the test ends.
type Running struct {
	URL       string
	Server    *console.Server
	Local     console.Secret
	Directory *Directory
	People    *People
	Waiting   *Waiting
	SQL       *SQL
	DryRuns   *DryRuns
	Tokens    *Tokens
	Requests  *Requests // of StartRequests
	Exports   *Exports  // the same
	Proofs    *Proofs   // the same
	Registry  *prometheus.Registry
	Log       *Log
}

// Log keeps what was logged.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write keeps a line.
func (l *Log) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(b)
}

// String returns what was logged.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Start runs a console on a free port of loopback; change adjusts its settings.
func Start(tb testing.TB, change func(*console.Config)) *Running {
	tb.Helper()
	return start(tb, change, func(*Running, *console.Deps) {})
}

// StartHeld runs one that serves nobody until passing says so.
func StartHeld(tb testing.TB, passing func() bool) *Running {
	tb.Helper()
	return start(tb, nil, func(_ *Running, deps *console.Deps) { deps.Passing = passing })
}

func start(tb testing.TB, change func(*console.Config), more func(*Running, *console.Deps)) *Running {
	tb.Helper()
	r := &Running{
		Local: console.NewSecret(), Directory: &Directory{}, Waiting: &Waiting{}, SQL: &SQL{Waiting: make(chan struct{}, 16)},
		Tokens: &Tokens{}, Registry: prometheus.NewRegistry(), Log: &Log{},
	}
	r.People = &People{Directory: r.Directory}
	cfg := console.DefaultConfig()
	cfg.Address = "127.0.0.1:0"
	if change != nil {
		change(&cfg)
	}
	drops, err := newDrops()
	if err != nil {
		tb.Fatal(err)
	}
	if r.DryRuns, err = newDryRuns(); err != nil {
		tb.Fatal(err)
	}
	deps := console.Deps{
		Directory: r.Directory, People: r.People, Merger: r.Directory, Waiting: r.Waiting, BadIdentifier: ErrBadIdentifier, Sites: Sites{}, Explainer: Explainer{}, SQL: r.SQL, Tokens: r.Tokens,
		DryRuns: r.DryRuns, Drops: drops, Writer: r.Directory, OptIns: r.Directory, Renewals: Renewals{}, SecretOf: secretOf, Certificates: Certificates{},
		Local: r.Local, Registerer: r.Registry,
		Logger: slog.New(slog.NewTextHandler(r.Log, nil)),
		Processes: func(context.Context) []console.Process {
			return []console.Process{{Name: "keyholder", State: "ready", PID: 1}}
		},
	}
	more(r, &deps)
	if r.Server, err = console.New(cfg, deps); err != nil {
		tb.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- r.Server.Run(context.WithoutCancel(tb.Context())) }()
	tb.Cleanup(func() {
		if err := r.Server.Close(); err != nil {
			tb.Error(err)
		}
		if err := <-done; err != nil {
			tb.Error(err)
		}
	})
	select {
	case <-r.Server.Started():
	case err := <-done:
		done <- err
		tb.Fatal("the console ended before it listened")
	}
	r.URL = "http://" + r.Server.Addr().String()
	return r
}
