package keyholder

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/keyring"
	"zgoda/pseudonym/peer"
	"zgoda/pseudonym/vault"
)

// maxMessage holds a full batch: 4,096 rows of 34 bytes and a period of up to
// five, with room to spare.
const maxMessage = 256 << 10

// Deps are what the keyholder is given.
type Deps struct {
	Logger *slog.Logger // nil: nothing is logged
}

// Server is one keyholder.
type Server struct {
	cfg     Config
	log     *slog.Logger
	serving chan struct{}
	running atomic.Bool
}

// New makes a keyholder. It opens nothing: Run does.
func New(cfg Config, deps Deps) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, fmt.Errorf("keyholder: %w", err)
	}
	if deps.Logger == nil {
		deps.Logger = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, log: deps.Logger, serving: make(chan struct{})}, nil
}

// Serving is closed when calls are answered.
func (s *Server) Serving() <-chan struct{} { return s.serving }

// ErrRan is returned by a second Run.
var ErrRan = errors.New("a keyholder runs once")

// Run opens the folder and serves until the context ends; then it lets the calls
// under way finish, and returns nil.
func (s *Server) Run(ctx context.Context) error {
	if s.running.Swap(true) {
		return ErrRan
	}
	if err := s.run(ctx); err != nil && (ctx.Err() == nil || !errors.Is(err, context.Cause(ctx))) {
		return err
	}
	return nil // told to end, also while it was still starting
}

func (s *Server) run(ctx context.Context) (err error) {
	if err := os.MkdirAll(s.cfg.Data, 0o700); err != nil {
		return fmt.Errorf("data folder: %w", err)
	}
	held, err := lock(ctx, s.cfg.Data, s.cfg.LockWait)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, held.Close()) }()
	ring, salts, err := s.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, salts.Close()) }()
	listener, err := listen(ctx, s.cfg.Socket)
	if err != nil {
		return err
	}
	identifiers, known := salts.Counts()
	s.log.Info("serving", "contacts", known, "identifiers", identifiers)
	return s.serve(ctx, listener, &service{ring: ring, contacts: salts, log: s.log})
}

// open opens the keys and the vault. A vault without keys is refused: new keys
// would make everyone in it a stranger.
func (s *Server) open(ctx context.Context) (*keyring.Ring, *vault.Vault, error) {
	path := filepath.Join(s.cfg.Data, "vault", "vault.db")
	info, err := os.Stat(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, nil, fmt.Errorf("look for a vault: %w", err)
	}
	ring, err := keyring.Open(ctx, keyring.Config{Dir: s.cfg.Data, Existing: err == nil && info.Size() > 0, Now: s.cfg.Now})
	if err != nil {
		return nil, nil, fmt.Errorf("open the keys: %w", err)
	}
	salts, err := vault.Open(ctx, vault.Config{Path: path}, ring.Slot())
	return ring, salts, err
}

func (s *Server) serve(ctx context.Context, listener net.Listener, calls *service) error {
	server := grpc.NewServer(
		grpc.Creds(peer.Of(s.cfg.UIDs...)),
		grpc.MaxRecvMsgSize(maxMessage),
		grpc.MaxConcurrentStreams(uint32(s.cfg.InFlight)),
		grpc.ConnectionTimeout(2*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 10 * time.Second}),
		grpc.UnaryInterceptor(bounded(s.cfg.InFlight)),
	)
	keyholderpb.RegisterPseudonymiseServer(server, calls)
	keyholderpb.RegisterRightsServer(server, calls)
	keyholderpb.RegisterHealthServer(server, calls)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	close(s.serving)
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	drain(server, s.cfg.DrainWait)
	if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) { // stopped before it had begun
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// drain lets the calls under way finish, but not for ever.
func drain(server *grpc.Server, wait time.Duration) {
	late := time.AfterFunc(wait, server.Stop)
	defer late.Stop()
	server.GracefulStop()
}

// bounded turns calls away while as many as may be are under way.
func bounded(inFlight int) grpc.UnaryServerInterceptor {
	places := make(chan struct{}, inFlight)
	return func(ctx context.Context, request any, _ *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		select {
		case places <- struct{}{}:
			defer func() { <-places }()
			return handle(ctx, request)
		default:
			return nil, status.Error(codes.ResourceExhausted, "too many calls at one time")
		}
	}
}
