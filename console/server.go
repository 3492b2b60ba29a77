package console

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
)

// Server is the console. Make one with New.
type Server struct {
	cfg     Config
	deps    Deps
	log     *slog.Logger
	metrics *metrics
	http    *http.Server
	queries chan struct{} // a slot for each running query

	started chan struct{} // closed once addr is set
	addr    net.Addr
	closed  chan struct{}
	once    sync.Once
}

// New makes a console that neither listens nor runs yet.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if err := deps.validate(); err != nil {
		return nil, err
	}
	s := &Server{
		cfg:     cfg,
		deps:    deps,
		log:     deps.Logger,
		metrics: newMetrics(),
		queries: make(chan struct{}, cfg.MaxQueries),
		started: make(chan struct{}),
		closed:  make(chan struct{}),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := s.metrics.register(deps.Registerer); err != nil {
		return nil, fmt.Errorf("register the console's metrics: %w", err)
	}
	handler, err := s.handler()
	if err != nil {
		return nil, err
	}
	s.http = &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: cfg.HeaderTimeout,
		ReadTimeout:       cfg.ReadTimeout,
		WriteTimeout:      cfg.WriteTimeout,
		IdleTimeout:       cfg.IdleTimeout,
		MaxHeaderBytes:    cfg.MaxHeader,
		// net/http's own words can hold a client's bytes and address.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	return s, nil
}

func (d Deps) validate() error {
	var errs []error
	for _, dep := range []struct {
		name    string
		missing bool
	}{
		{"Directory", d.Directory == nil},
		{"Waiting", d.Waiting == nil},
		{"Sites", d.Sites == nil},
		{"Explainer", d.Explainer == nil},
		{"SQL", d.SQL == nil},
		{"Tokens", d.Tokens == nil},
	} {
		if dep.missing {
			errs = append(errs, fmt.Errorf("console: %s is missing", dep.name))
		}
	}
	return errors.Join(errs...)
}

// Run listens and serves until ctx ends or Close is called, then lets running
// requests finish within DrainTimeout.
func (s *Server) Run(ctx context.Context) error {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", s.cfg.Address)
	if err != nil {
		return fmt.Errorf("listen for the console on %s: %w", s.cfg.Address, err)
	}
	return s.serve(ctx, ln)
}

func (s *Server) serve(ctx context.Context, ln net.Listener) error {
	s.addr = ln.Addr()
	close(s.started)
	base, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s.http.BaseContext = func(net.Listener) context.Context { return base }
	served := make(chan error, 1)
	go func() { served <- s.http.Serve(ln) }()
	select {
	case err := <-served:
		return fmt.Errorf("serve the console: %w", err)
	case <-ctx.Done():
	case <-s.closed:
	}
	drain, stop := context.WithTimeout(base, s.cfg.DrainTimeout)
	defer stop()
	err := s.http.Shutdown(drain)
	if err != nil {
		cancel() // what still runs is told to end
		err = errors.Join(fmt.Errorf("drain the console: %w", err), s.http.Close())
	}
	if ended := <-served; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// Addr returns the address the console listens on; nil until it does.
func (s *Server) Addr() net.Addr {
	select {
	case <-s.started:
		return s.addr
	default:
		return nil
	}
}

// Started is closed when the console listens.
func (s *Server) Started() <-chan struct{} { return s.started }

// Close ends Run. It may be called twice, and before Run.
func (s *Server) Close() error {
	s.once.Do(func() { close(s.closed) })
	return nil
}
