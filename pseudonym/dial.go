package pseudonym

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/backoff"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/identity"
	"zgoda/pseudonym/keyholderpb"
	"zgoda/pseudonym/peer"
)

// link is a connection to the keyholder, in one role.
type link struct {
	cfg     ClientConfig
	conn    *grpc.ClientConn
	health  keyholderpb.HealthClient
	metrics *metrics
	reading *attention
}

// connect makes a link. It does not connect: the first call does.
func connect(cfg ClientConfig) (link, error) {
	if err := cfg.Validate(); err != nil {
		return link{}, fmt.Errorf("keyholder client: %w", err)
	}
	cfg = cfg.withDefaults()
	network, address, as := "unix", cfg.Socket, credentials.TransportCredentials(peer.Of(cfg.UIDs...))
	var more []grpc.DialOption
	if cfg.Address != "" {
		var err error
		if as, err = byCertificate(cfg.Identity); err != nil {
			return link{}, fmt.Errorf("keyholder client: %w", err)
		}
		network, address = "tcp", cfg.Address
		// A path that is cut tells nobody: without this, calls would fail until TCP gives up.
		more = append(more, grpc.WithKeepaliveParams(keepalive.ClientParameters{Time: 10 * time.Second, Timeout: 5 * time.Second}))
	}
	reading := &attention{}
	// The address goes to the dialer as it is; in a target it would be read as a URL.
	conn, err := grpc.NewClient("passthrough:///keyholder", append(more,
		grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
			conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return reading.wrap(conn), nil
		}),
		grpc.WithTransportCredentials(as),
		grpc.WithDisableServiceConfig(),
		grpc.WithConnectParams(grpc.ConnectParams{
			Backoff:           backoff.Config{BaseDelay: cfg.Backoff / 10, Multiplier: 1.6, Jitter: 0.2, MaxDelay: cfg.Backoff},
			MinConnectTimeout: cfg.Deadline,
		}))...)
	if err != nil {
		return link{}, fmt.Errorf("keyholder client: %w", err)
	}
	m, err := newMetrics(cfg.Registerer)
	if err != nil {
		return link{}, errors.Join(fmt.Errorf("keyholder client: %w", err), conn.Close())
	}
	return link{cfg: cfg, conn: conn, metrics: m, reading: reading, health: keyholderpb.NewHealthClient(conn)}, nil
}

// byCertificate are the credentials of a file. Every handshake reads it anew, so
// that a certificate may be replaced while connections are open.
func byCertificate(path string) (credentials.TransportCredentials, error) {
	id, err := identity.Read(path)
	if err != nil {
		return nil, err
	}
	return credentials.NewTLS(&tls.Config{
		MinVersion: tls.VersionTLS13,
		ServerName: identity.ServerName,
		RootCAs:    id.Authority,
		GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			id, err := identity.Read(path)
			if err != nil {
				return nil, err
			}
			return &id.Certificate, nil
		},
	}), nil
}

// Close gives the connection up. Calls after it fail with ErrAway.
func (l *link) Close() error {
	if err := l.conn.Close(); err != nil && status.Code(err) != codes.Canceled {
		return fmt.Errorf("close the keyholder client: %w", err)
	}
	return nil
}

// Ready says whether the keyholder answers.
func (l *link) Ready(ctx context.Context) error {
	return l.call(ctx, "ready", func(ctx context.Context) error {
		_, err := l.health.Ready(ctx, &keyholderpb.ReadyRequest{})
		return err
	})
}

// Clock says whether the keyholder answers, and returns what time it is there, in whole
// milliseconds; the zero time where a keyholder of an earlier release does not say it.
func (l *link) Clock(ctx context.Context) (at time.Time, err error) {
	err = l.call(ctx, "ready", func(ctx context.Context) error {
		answer, err := l.health.Ready(ctx, &keyholderpb.ReadyRequest{})
		if ms := answer.GetNow(); ms != 0 {
			at = time.UnixMilli(ms)
		}
		return err
	})
	return at, err
}

// Certificate returns from and until when the certificate is in force; false: the link
// needs none.
func (l *link) Certificate() (from, until time.Time, ok bool, err error) {
	if l.cfg.Address == "" {
		return time.Time{}, time.Time{}, false, nil
	}
	id, err := identity.Read(l.cfg.Identity)
	if err != nil {
		return time.Time{}, time.Time{}, true, err
	}
	return id.From, id.Until, true, nil
}

// RenewCertificate replaces the certificate by a new one with a new private key,
// if half of its life is over. Open connections go on with the old one.
func (l *link) RenewCertificate(ctx context.Context) error {
	if l.cfg.Address == "" {
		return nil
	}
	id, err := identity.Read(l.cfg.Identity)
	if err != nil || !id.Renew(time.Now()) {
		return err
	}
	pending, request, err := identity.Request()
	if err != nil {
		return err
	}
	var answer *keyholderpb.IssueAnswer
	err = l.call(ctx, "renew", func(ctx context.Context) error {
		answer, err = keyholderpb.NewPseudonymiseClient(l.conn).Renew(ctx, &keyholderpb.RenewRequest{Request: request})
		return err
	})
	if err != nil {
		return err
	}
	return pending.Write(l.cfg.Identity, answer.GetCertificate(), answer.GetAuthority())
}

// call runs one exchange within the deadline, counts it, and gives its error the
// form that callers tell apart.
func (l *link) call(ctx context.Context, act string, do func(context.Context) error) error {
	defer l.reading.begin()()
	bounded, cancel := context.WithTimeout(ctx, l.cfg.Deadline)
	defer cancel()
	return l.counted(ctx, act, func() error { return do(bounded) })
}

// counted runs an exchange that may take as long as its caller waits.
func (l *link) counted(ctx context.Context, act string, do func() error) error {
	start := time.Now()
	err := explain(ctx, act, do())
	l.metrics.observe(act, time.Since(start), err)
	return err
}

// explain wraps an error. A call that its own caller gave up is not the
// keyholder's absence.
func explain(ctx context.Context, act string, err error) error {
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("keyholder %s: %w", act, context.Cause(ctx))
	case errors.Is(err, keyholderpb.ErrColumns), errors.Is(err, ErrAnswer):
		return fmt.Errorf("keyholder %s: %w", act, ErrAnswer)
	}
	s := status.Convert(err)
	switch s.Code() {
	case codes.Unavailable, codes.DeadlineExceeded, codes.ResourceExhausted, codes.Canceled:
		return fmt.Errorf("keyholder %s: %w: %s", act, ErrAway, s.Message())
	case codes.NotFound:
		return fmt.Errorf("keyholder %s: %w", act, ErrNotFound)
	case codes.PermissionDenied, codes.Unauthenticated:
		return fmt.Errorf("keyholder %s: %w: %s", act, ErrNotAllowed, s.Message())
	case codes.InvalidArgument, codes.FailedPrecondition, codes.Aborted:
		return &Refusal{Act: act, Text: s.Message(), Changed: s.Code() == codes.Aborted}
	default:
		return fmt.Errorf("keyholder %s: %s: %s", act, s.Code(), s.Message())
	}
}
