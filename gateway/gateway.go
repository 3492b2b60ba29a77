package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/valyala/fasthttp"

	"zgoda/collector"
	"zgoda/collector/choice"
	"zgoda/event"
	"zgoda/web"
)

// eventCollector takes events; collector.Collector is one.
type eventCollector interface {
	Collect(ctx context.Context, r *collector.Request, a *collector.Answer)
	Explain(ctx context.Context, r *collector.Request) (collector.Explanation, collector.Answer)
}

// choices are a person's own choices; choice.Desk is one.
type choices interface {
	Read(ctx context.Context, r *choice.Request) choice.Answer
	Write(ctx context.Context, r *choice.Request) choice.Answer
}

// Deps are what the gateway stands in front of.
type Deps struct {
	Collector eventCollector
	Sites     *collector.Sites
	Choices   choices
	// Confirmations are the page behind the links in mails; nil: there is none.
	Confirmations Confirmations
	// Footers are the page behind the links in mails' footers; nil: there is none.
	Footers Confirmations
	// Proofs are the page behind links that prove who makes a request; nil: there is none.
	Proofs Confirmations
	// Passing says whether people may be served; nil: always.
	Passing func() bool
	// Own takes the requests that visitors make by themselves; nil: there is no route
	// for them.
	Own Own
	// Requests are what each site asks consent for, for /consent-requests.json.
	Requests   map[event.SiteID][]ConsentRequest
	Demo       *web.Shop // nil: no demo shop
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// ErrDraining is what Ready returns once Drain has begun.
var ErrDraining = errors.New("the public listener is draining")

// ErrHeld is what Ready returns while nobody may be served.
var ErrHeld = errors.New("a restore is not over: erasures since the backup are being carried out again")

// ErrNotListening is what Ready returns before the listener is open.
var ErrNotListening = errors.New("the public listener is not open yet")

// Gateway is the public listener. Make one with New.
type Gateway struct {
	config  Config
	deps    Deps
	metrics *metrics
	server  *fasthttp.Server
	snippet static
	shop    *shop
	calls   sync.Pool
	intakes sync.Pool
	buffers buffers
	bodies  *budget
	// unpackers bounds how many bodies are being decompressed, none of which the
	// budget knows before it is done.
	unpackers chan struct{}
	choosers  *limiter
	offers    offers
	draining  atomic.Bool

	mu       sync.Mutex
	listener net.Listener
	closed   bool
	drained  chan struct{} // closed when a Drain has finished
	drain    sync.Once
}

// New makes a gateway. It opens nothing.
func New(config Config, deps Deps) (*Gateway, error) {
	if err := config.Validate(); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	if deps.Collector == nil || deps.Sites == nil || deps.Choices == nil || deps.Logger == nil || deps.Registerer == nil {
		return nil, errors.New("gateway: a dependency is missing")
	}
	g := &Gateway{
		config: config, deps: deps, drained: make(chan struct{}),
		bodies:    &budget{limit: int64(config.MaxBodyMemory)},
		unpackers: make(chan struct{}, 2*runtime.GOMAXPROCS(0)),
		choosers:  newLimiter(config.ChoicesPerMinute, time.Minute),
	}
	g.calls.New = func() any { return newCall() }
	g.intakes.New = g.newIntake
	var err error
	if g.offers, err = newOffers(deps.Requests); err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	g.snippet = newStatic(web.Snippet(), "text/javascript; charset=utf-8")
	if deps.Demo != nil {
		shop, err := newShop(deps.Demo, g.snippet.hash)
		if err != nil {
			return nil, fmt.Errorf("gateway: %w", err)
		}
		g.shop = shop
	}
	g.server = g.newServer()
	g.metrics = newMetrics(deps.Registerer, levels{g.server.GetOpenConnectionsCount, g.bodies, config.MaxConnections})
	return g, nil
}

func (g *Gateway) newServer() *fasthttp.Server {
	return &fasthttp.Server{
		ErrorHandler:                 g.protocolError,
		Logger:                       quiet{g.deps.Logger},
		NoDefaultServerHeader:        true,
		NoDefaultContentType:         true,
		SecureErrorLogMessage:        true,
		CloseOnShutdown:              true,
		DisablePreParseMultipartForm: true,
		Concurrency:                  g.config.MaxConnections,
		HeaderReceived:               g.headerReceived,
		StreamRequestBody:            true,
		MaxRequestBodySize:           min(freeBytes, g.config.MaxBodyBytes), // streaming, this is what is read ahead
		ReadBufferSize:               g.config.MaxHeaderBytes,
		ReadTimeout:                  g.config.HeaderTimeout,
		WriteTimeout:                 g.config.WriteTimeout,
		IdleTimeout:                  g.config.IdleTimeout,
	}
}

// Listen opens the listener, so that Addr is known before Run. Run calls it if
// nobody has.
func (g *Gateway) Listen(ctx context.Context) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener != nil || g.closed {
		return nil
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", g.config.Address)
	if err != nil {
		return fmt.Errorf("open the public listener: %w", err)
	}
	g.listener = l
	return nil
}

// Addr returns the address of the open listener, or the zero text.
func (g *Gateway) Addr() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.listener == nil {
		return ""
	}
	return g.listener.Addr().String()
}

// Ready returns nil while the listener is open and not draining.
func (g *Gateway) Ready() error {
	if g.draining.Load() {
		return ErrDraining
	}
	if g.Addr() == "" {
		return ErrNotListening
	}
	if g.deps.Passing != nil && !g.deps.Passing() {
		return ErrHeld
	}
	return nil
}

// Run serves until ctx ends or Drain is called, and returns after the last
// handler has returned or the drain's deadline has passed.
func (g *Gateway) Run(ctx context.Context) error {
	if err := g.Listen(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	listener, closed := g.listener, g.closed
	g.mu.Unlock()
	if closed {
		return nil
	}
	// Handlers outlive ctx until they have answered: an event half taken in
	// would be lost. They are cut off only when the drain's deadline passes.
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	g.server.Handler = func(rc *fasthttp.RequestCtx) { g.serve(work, rc) }
	door := newDoor(listener, g)
	defer door.wait()
	var sweeps sync.WaitGroup
	sweeps.Go(func() { door.deadlines.run(work) })
	defer func() { cut(); sweeps.Wait() }()
	done := make(chan error, 1)
	go func() { done <- g.server.Serve(door) }()
	select {
	case <-ctx.Done():
		if err := g.Drain(context.WithoutCancel(ctx)); err != nil {
			return err
		}
		return <-done
	case err := <-done:
		if err != nil {
			return fmt.Errorf("serve the public listener: %w", err)
		}
		<-g.drained
		return nil
	}
}

// Drain stops in order: not ready, wait for load balancers to notice, close the
// listener, let the handlers finish. Calling it again waits for the first call.
func (g *Gateway) Drain(ctx context.Context) error {
	var err error
	g.drain.Do(func() {
		defer close(g.drained)
		g.draining.Store(true)
		g.mu.Lock()
		open := g.listener != nil
		g.closed = true
		g.mu.Unlock()
		if !open {
			return
		}
		pause(ctx, g.config.DrainDelay)
		limited, cancel := context.WithTimeout(ctx, g.config.DrainTimeout)
		defer cancel()
		// Serve may not have taken the listener yet, and then Shutdown leaves it open.
		_ = g.listener.Close()
		if failed := g.server.ShutdownWithContext(limited); failed != nil && !errors.Is(failed, net.ErrClosed) {
			err = fmt.Errorf("drain the public listener: %w", failed)
		}
	})
	<-g.drained
	return err
}

// Close drains within the configured deadlines. It may be called twice.
func (g *Gateway) Close() error { return g.Drain(context.Background()) }

func pause(ctx context.Context, d time.Duration) {
	if d <= 0 {
		return
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// quiet is fasthttp's logger. What fasthttp would print holds addresses and
// pieces of requests, so only the fact remains; faults that clients cause are
// counted by protocolError and not logged at all.
type quiet struct{ log *slog.Logger }

// Printf logs the faults of our own side, by their fixed words alone.
func (q quiet) Printf(format string, _ ...any) {
	switch {
	case len(format) >= 9 && format[:9] == "Permanent":
		q.log.Error("the public listener cannot accept connections any more")
	case len(format) >= 7 && format[:7] == "Timeout":
		q.log.Warn("the public listener timed out accepting a connection")
	case len(format) >= 12 && format[:12] == "The incoming":
		q.log.Warn("the public listener has reached its limit of connections")
	}
}
