package serve

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/kekpb"
	"zgoda/pseudonym/peer"
	"zgoda/pseudonym/private"
)

// Config says where to serve, and whom.
type Config struct {
	Socket    string        // path, in a folder for its owner alone or for its group
	UIDs      []uint32      // users that may call; none: our own
	DrainWait time.Duration // for calls under way, at the end
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config { return Config{DrainWait: 5 * time.Second} }

// maxSocketPath is what the kernel takes, with its ending zero.
const maxSocketPath = 107

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Socket == "" || len(c.Socket) > maxSocketPath {
		return fmt.Errorf("socket: the path has %d bytes, a unix socket takes 1 to %d", len(c.Socket), maxSocketPath)
	}
	if c.DrainWait < 0 {
		return errors.New("drain_wait: negative")
	}
	return nil
}

const (
	inFlight   = 16 // a keyholder has one call under way at its start, and few in a night
	maxMessage = 64 << 10
)

// Server serves one key.
type Server struct {
	kekpb.UnimplementedKekServer

	cfg     Config
	key     kek.Provider
	log     *slog.Logger
	places  chan struct{}
	serving chan struct{}
}

// New makes a server; nothing is opened.
func New(cfg Config, key kek.Provider, log *slog.Logger) (*Server, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &Server{cfg: cfg, key: key, log: log, places: make(chan struct{}, inFlight), serving: make(chan struct{})}, nil
}

// Serving is closed when calls are answered.
func (s *Server) Serving() <-chan struct{} { return s.serving }

// Run serves until the context ends, lets the calls under way finish, and
// returns nil. Run once.
func (s *Server) Run(ctx context.Context) error {
	listener, err := s.listen(ctx)
	if err != nil {
		return err
	}
	server := grpc.NewServer(
		grpc.Creds(peer.Of(s.cfg.UIDs...)), grpc.MaxRecvMsgSize(maxMessage), grpc.MaxConcurrentStreams(inFlight),
		grpc.ConnectionTimeout(2*time.Second), grpc.UnaryInterceptor(s.around))
	kekpb.RegisterKekServer(server, s)
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(listener) }()
	close(s.serving)
	select {
	case err := <-ended:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}
	late := time.AfterFunc(s.cfg.DrainWait, server.Stop)
	defer late.Stop()
	server.GracefulStop()
	if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// listen opens the socket. One that a dead process left behind is replaced; one
// that still answers is not.
func (s *Server) listen(ctx context.Context) (net.Listener, error) {
	if err := private.MakeDir(filepath.Dir(s.cfg.Socket)); err != nil {
		return nil, fmt.Errorf("folder of the socket: %w", err)
	}
	conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "unix", s.cfg.Socket)
	if err == nil {
		return nil, errors.Join(fmt.Errorf("%s: another process serves it", s.cfg.Socket), conn.Close())
	}
	if errors.Is(err, unix.ECONNREFUSED) {
		if err := os.Remove(s.cfg.Socket); err != nil {
			return nil, fmt.Errorf("remove a dead process's socket: %w", err)
		}
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "unix", s.cfg.Socket)
	if err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if err := os.Chmod(s.cfg.Socket, 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("close the socket to others: %w", err), listener.Close())
	}
	return listener, nil
}

// around bounds what is under way, and logs what came of each call. A Describe
// is how a keyholder looks whether we serve, and is not logged.
func (s *Server) around(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
	select {
	case s.places <- struct{}{}:
		defer func() { <-s.places }()
	default:
		return nil, status.Error(codes.ResourceExhausted, "too many calls at one time")
	}
	if named, ok := request.(interface{ GetUri() string }); !ok || named.GetUri() != s.key.Describe() {
		return nil, kek.ToStatus(kek.ErrOther)
	}
	answer, err := handle(ctx, request)
	switch {
	case err != nil:
		s.log.ErrorContext(ctx, "refused or failed", "call", info.FullMethod, "error", err)
	case info.FullMethod != kekpb.Kek_Describe_FullMethodName:
		s.log.InfoContext(ctx, "done", "call", info.FullMethod)
	}
	return answer, kek.ToStatus(err)
}

// Describe says whether versions can be destroyed.
func (s *Server) Describe(context.Context, *kekpb.DescribeRequest) (*kekpb.DescribeAnswer, error) {
	_, renews := s.key.(kek.Renewer)
	return &kekpb.DescribeAnswer{Renews: renews}, nil
}

// Wrap seals.
func (s *Server) Wrap(ctx context.Context, r *kekpb.WrapRequest) (*kekpb.WrapAnswer, error) {
	wrapped, err := s.key.Wrap(ctx, r.GetPlain(), r.GetBind())
	clear(r.GetPlain())
	return &kekpb.WrapAnswer{Wrapped: wrapped}, err
}

// Unwrap opens.
func (s *Server) Unwrap(ctx context.Context, r *kekpb.UnwrapRequest) (*kekpb.UnwrapAnswer, error) {
	plain, err := s.key.Unwrap(ctx, r.GetWrapped(), r.GetBind())
	return &kekpb.UnwrapAnswer{Plain: plain}, err
}

// Renew makes a new version.
func (s *Server) Renew(ctx context.Context, _ *kekpb.RenewRequest) (*kekpb.RenewAnswer, error) {
	r, ok := s.key.(kek.Renewer)
	if !ok {
		return nil, kek.ErrRefused
	}
	version, err := r.Renew(ctx)
	return &kekpb.RenewAnswer{Version: version}, err
}

// Destroy destroys the versions before one.
func (s *Server) Destroy(ctx context.Context, q *kekpb.DestroyRequest) (*kekpb.DestroyAnswer, error) {
	r, ok := s.key.(kek.Renewer)
	if !ok {
		return nil, kek.ErrRefused
	}
	return &kekpb.DestroyAnswer{}, r.Destroy(ctx, q.GetBefore())
}
