package kek

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/kek/kekpb"
	"zgoda/pseudonym/peer"
)

// ErrOther is returned when zgoda-kek serves another key than the one wanted.
var ErrOther = errors.New("zgoda-kek serves another key")

// ErrNoSocket is returned where a provider needs zgoda-kek and nothing says
// where it serves.
var ErrNoSocket = errors.New("the provider is reached through zgoda-kek, and no socket of it is given (--kek-socket)")

const (
	// NextSuffix is added to the socket's path for a second zgoda-kek: that of the
	// provider which is changed to.
	NextSuffix = ".next"

	callWithin = 20 * time.Second // a cloud's own retries included
	openWithin = 20 * time.Second // zgoda-kek may be starting
	openAgain  = 100 * time.Millisecond
	maxMessage = 64 << 10
)

// remote is a key that zgoda-kek reaches.
type remote struct {
	uri    string
	conn   *grpc.ClientConn
	client kekpb.KekClient
}

// openRemote finds the zgoda-kek that has the key: at the socket, or at the one
// beside it for the next provider.
func openRemote(ctx context.Context, cfg Config) (Provider, error) {
	if cfg.Socket == "" {
		return nil, ErrNoSocket
	}
	ctx, cancel := context.WithTimeout(ctx, openWithin)
	defer cancel()
	again := time.NewTicker(openAgain)
	defer again.Stop()
	for {
		p, err := findRemote(ctx, cfg)
		if err == nil || !errors.Is(err, ErrAway) {
			return p, err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return nil, err
		}
	}
}

func findRemote(ctx context.Context, cfg Config) (Provider, error) {
	var errs []error
	for _, socket := range []string{cfg.Socket, cfg.Socket + NextSuffix} {
		p, err := dialRemote(ctx, socket, cfg)
		if err == nil {
			return p, nil
		}
		errs = append(errs, fmt.Errorf("%s: %w", socket, err))
	}
	if errors.Is(errs[1], ErrAway) { // usually nobody serves there
		return nil, errs[0]
	}
	return nil, errs[1]
}

func dialRemote(ctx context.Context, socket string, cfg Config) (Provider, error) {
	conn, err := grpc.NewClient("unix:"+socket,
		grpc.WithTransportCredentials(peer.Of(cfg.HelperUIDs...)),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(maxMessage)))
	if err != nil {
		return nil, err
	}
	r := &remote{uri: cfg.URI, conn: conn, client: kekpb.NewKekClient(conn)}
	answer, err := r.client.Describe(ctx, &kekpb.DescribeRequest{Uri: cfg.URI})
	if err != nil {
		return nil, errors.Join(fromStatus(err), conn.Close())
	}
	if answer.GetRenews() {
		return &renewing{remote: r}, nil
	}
	return r, nil
}

// Describe returns the URI.
func (r *remote) Describe() string { return r.uri }

// Wrap asks zgoda-kek.
func (r *remote) Wrap(ctx context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > MaxPlain {
		return nil, ErrTooLong
	}
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	answer, err := r.client.Wrap(ctx, &kekpb.WrapRequest{Uri: r.uri, Plain: plain, Bind: bind}, grpc.WaitForReady(true))
	return answer.GetWrapped(), fromStatus(err)
}

// Unwrap asks zgoda-kek.
func (r *remote) Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	answer, err := r.client.Unwrap(ctx, &kekpb.UnwrapRequest{Uri: r.uri, Wrapped: wrapped, Bind: bind}, grpc.WaitForReady(true))
	return answer.GetPlain(), fromStatus(err)
}

// Close hangs up.
func (r *remote) Close() error { return r.conn.Close() }

// renewing is a remote key whose versions can be destroyed.
type renewing struct{ *remote }

// Renew asks zgoda-kek for a new version.
func (r *renewing) Renew(ctx context.Context) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	answer, err := r.client.Renew(ctx, &kekpb.RenewRequest{Uri: r.uri}, grpc.WaitForReady(true))
	return answer.GetVersion(), fromStatus(err)
}

// Destroy has zgoda-kek destroy the versions before the named one.
func (r *renewing) Destroy(ctx context.Context, before string) error {
	ctx, cancel := context.WithTimeout(ctx, callWithin)
	defer cancel()
	_, err := r.client.Destroy(ctx, &kekpb.DestroyRequest{Uri: r.uri, Before: before}, grpc.WaitForReady(true))
	return fromStatus(err)
}

// kinds are the errors that cross the socket, and their codes.
var kinds = []struct {
	err  error
	code codes.Code
}{
	{ErrAway, codes.Unavailable},
	{ErrMissing, codes.NotFound},
	{ErrWrong, codes.DataLoss},
	{ErrRefused, codes.PermissionDenied},
	{ErrTooLong, codes.OutOfRange},
	{ErrOther, codes.FailedPrecondition},
}

// ToStatus makes the error that crosses the socket: its kind, and nothing that a
// provider's server said.
func ToStatus(err error) error {
	if err == nil {
		return nil
	}
	for _, k := range kinds {
		if errors.Is(err, k.err) {
			return status.Error(k.code, k.err.Error())
		}
	}
	return status.Error(codes.Internal, "the key-encryption key failed")
}

// fromStatus is the way back.
func fromStatus(err error) error {
	if err == nil {
		return nil
	}
	code := status.Code(err)
	for _, k := range kinds {
		if code == k.code {
			return k.err
		}
	}
	if code == codes.DeadlineExceeded || code == codes.Canceled {
		return ErrAway
	}
	return fmt.Errorf("zgoda-kek: %s", code)
}
