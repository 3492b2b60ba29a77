package keyholder

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/access"
	"zgoda/pseudonym/keyholderpb"
)

// maxMessage holds a full batch: 4,096 rows of 66 bytes, with the identifiers of
// an older gateway key, and a period of up to five, with room to spare.
const maxMessage = 384 << 10

// connectionAge is how long a connection over TCP is used: the next one shows
// the certificate that was renewed meanwhile.
const connectionAge = 10 * time.Minute

// front is one gRPC server and what it listens on.
type front struct {
	server    *grpc.Server
	listeners []net.Listener
}

// serve answers calls until the context ends.
func (s *Server) serve(ctx context.Context, p *parts) (err error) {
	limit := newInFlight(s.cfg.InFlight)
	fronts := []*front{{server: s.server(p, limit, access.Sockets(p.policy.Connection), 0)}}
	opened := func(l net.Listener, in *front) { in.listeners = append(in.listeners, l) }
	defer func() {
		if err != nil {
			err = errors.Join(err, closeAll(fronts))
		}
	}()
	for _, at := range s.cfg.sockets() {
		l, err := listen(ctx, at.path, s.cfg.Group)
		if err != nil {
			return err
		}
		opened(access.Listen(l, at.role, at.uids...), fronts[0])
	}
	if s.cfg.Listen != "" {
		certificates := access.Certificates(p.authority, p.policy.Connection, s.cfg.Barred...)
		fronts = append(fronts, &front{server: s.server(p, limit, certificates, connectionAge)})
		l, err := listenTCP(ctx, s.cfg.Listen, &s.tcp)
		if err != nil {
			return err
		}
		opened(l, fronts[1])
	}
	var metrics net.Listener
	if s.cfg.Metrics != "" {
		if metrics, err = listenTCP(ctx, s.cfg.Metrics, &s.scraped); err != nil {
			return err
		}
	}
	return s.runFronts(ctx, p, fronts, metrics)
}

func listenTCP(ctx context.Context, address string, at *atomic.Pointer[net.Addr]) (net.Listener, error) {
	l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	addr := l.Addr()
	at.Store(&addr)
	return l, nil
}

// closeAll closes what was opened and never served. What a server has served is
// closed already.
func closeAll(fronts []*front) error {
	var errs []error
	for _, f := range fronts {
		f.server.Stop()
		for _, l := range f.listeners {
			if err := l.Close(); !errors.Is(err, net.ErrClosed) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// runFronts serves all listeners and what runs beside them. When the context or
// one of them ends, the calls under way finish and all end.
func (s *Server) runFronts(ctx context.Context, p *parts, fronts []*front, metrics net.Listener) error {
	running, ending := errgroup.WithContext(ctx)
	for _, f := range fronts {
		for _, l := range f.listeners {
			running.Go(func() error {
				if err := f.server.Serve(l); err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it had begun
					return fmt.Errorf("serve: %w", err)
				}
				return nil
			})
		}
		running.Go(func() error {
			<-ending.Done()
			drain(f.server, s.cfg.DrainWait)
			return nil
		})
	}
	running.Go(func() error { return p.rotator.Run(ending) })
	running.Go(func() error { p.days.Run(ending); return nil })
	running.Go(func() error { p.cases.Run(ending, p.shelf != nil); return nil })
	if p.shelf != nil {
		running.Go(func() error { return s.refresh(ending, p) })
	}
	running.Go(func() error {
		p.calls.Run(ending, func(err error) { s.log.Error("the log of calls", "error", err) })
		return nil
	})
	if metrics != nil {
		running.Go(func() error { return serveMetrics(ending, metrics, p.metrics) })
	}
	close(s.serving)
	return running.Wait()
}

// serveMetrics answers /metrics in clear, so the address should be a loopback one.
func serveMetrics(ctx context.Context, l net.Listener, metrics http.Handler) error {
	mux := http.NewServeMux()
	mux.Handle("/metrics", metrics)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("serve metrics: %w", err)
	}
	return nil
}

// server makes a gRPC server with all services. age, if not 0, is how long a
// connection is used.
func (s *Server) server(p *parts, limit inFlight, as credentials.TransportCredentials, age time.Duration) *grpc.Server {
	keep := keepalive.ServerParameters{Time: time.Minute, Timeout: 10 * time.Second}
	if age > 0 {
		keep.MaxConnectionAge, keep.MaxConnectionAgeGrace = age, time.Minute
	}
	server := grpc.NewServer(
		grpc.Creds(as),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(uint32(s.cfg.InFlight)),
		grpc.ConnectionTimeout(2*time.Second),
		grpc.KeepaliveParams(keep),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second}),
		grpc.StatsHandler(p.policy.Watch()),
		grpc.WaitForHandlers(true), // a call that is cut off may still read the vault's memory
		grpc.ChainUnaryInterceptor(limit.unary, p.policy.Unary),
		grpc.ChainStreamInterceptor(limit.stream, p.policy.Stream),
	)
	gateways := &service{
		ring: p.ring, contacts: p.vault, cases: p.cases, authority: p.authority, policy: p.policy, rotator: p.rotator, people: p.people, kept: p.kept, log: s.log,
	}
	desk := &rights{service: gateways, persons: p.people, cases: p.cases}
	keyholderpb.RegisterPseudonymiseServer(server, gateways)
	keyholderpb.RegisterHealthServer(server, gateways)
	keyholderpb.RegisterDailyServer(server, &days{maker: p.days})
	keyholderpb.RegisterRightsServer(server, desk)
	keyholderpb.RegisterCasesServer(server, &requests{rights: desk, cases: p.cases, ended: p.erased})
	keyholderpb.RegisterAdministerServer(server, &administrator{
		authority: p.authority, calls: p.calls, keys: keys{ring: p.ring, rotator: p.rotator, vault: p.vault, log: s.log},
	})
	return server
}

// drain lets the calls under way finish, but not for ever.
func drain(server *grpc.Server, wait time.Duration) {
	late := time.AfterFunc(wait, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}

// inFlight turns calls away while as many as may be are under way.
type inFlight chan struct{}

func newInFlight(n int) inFlight { return make(inFlight, n) }

var errBusy = status.Error(codes.ResourceExhausted, "too many calls at one time")

func (f inFlight) unary(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	select {
	case f <- struct{}{}:
		defer func() { <-f }()
		return handle(ctx, request)
	default:
		access.Busy(ctx)
		return nil, errBusy
	}
}

func (f inFlight) stream(server any, s grpc.ServerStream, _ *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
	select {
	case f <- struct{}{}:
		defer func() { <-f }()
		return handle(server, s)
	default:
		access.Busy(s.Context())
		return errBusy
	}
}
