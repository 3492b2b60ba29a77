package gcpkms

import (
	"context"
	"errors"
	"fmt"

	"github.com/tink-crypto/tink-go-gcpkms/v2/integration/gcpkms"
	"github.com/tink-crypto/tink-go/v2/tink"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/private"
)

// Key is a key of Google Cloud KMS.
type Key struct {
	reach  reach.Config
	client *gcpkms.Client
	aead   tink.AEADWithContext
}

// Open makes a client; it asks Google nothing yet. Without a file of credentials
// they are the machine's own service account.
func Open(ctx context.Context, cfg reach.Config) (*Key, error) {
	var options []option.ClientOption
	if cfg.Credentials != "" {
		account, err := private.ReadFile(cfg.Credentials)
		if err != nil {
			return nil, fmt.Errorf("credentials for Google: %w", err)
		}
		options = append(options, option.WithAuthCredentialsJSON(option.ServiceAccount, account))
	}
	if cfg.Endpoint != "" {
		options = append(options, option.WithEndpoint(cfg.Endpoint))
	}
	if cfg.CA != "" {
		trust, err := cfg.TLS()
		if err != nil {
			return nil, err
		}
		options = append(options, option.WithGRPCDialOption(grpc.WithTransportCredentials(credentials.NewTLS(trust))))
	}
	client, err := gcpkms.NewClient(ctx, cfg.URI.String(), gcpkms.WithTransport(gcpkms.TransportGRPC), gcpkms.WithGoogleAPIClientOptions(options...))
	if err != nil {
		return nil, errors.New("the credentials for Google cannot be read") // not err, which may quote them
	}
	aead, err := client.GetAEAD(cfg.URI.String())
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use Google's key: %w", err), client.Close())
	}
	waiting, ok := aead.(tink.AEADWithContext)
	if !ok {
		return nil, errors.Join(errors.New("use Google's key: its client cannot be told how long to wait"), client.Close())
	}
	return &Key{reach: cfg, client: client, aead: waiting}, nil
}

// Describe returns the URI.
func (k *Key) Describe() string { return k.reach.URI.String() }

// Wrap has Google seal under the key's primary version.
func (k *Key) Wrap(ctx context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > kek.MaxPlain {
		return nil, kek.ErrTooLong
	}
	ctx, cancel := context.WithTimeout(ctx, k.reach.Timeout())
	defer cancel()
	wrapped, err := k.aead.EncryptWithContext(ctx, plain, bind)
	return wrapped, sort(err)
}

// Unwrap has Google open it.
func (k *Key) Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, k.reach.Timeout())
	defer cancel()
	plain, err := k.aead.DecryptWithContext(ctx, wrapped, bind)
	return plain, sort(err)
}

// sort tells one failure from another, and takes nothing of what Google said but
// the code.
func sort(err error) error {
	if err == nil {
		return nil
	}
	answer, ok := status.FromError(err)
	if !ok {
		return kek.ErrAway // checksums that do not fit are a fault of the way
	}
	kind := kek.ErrAway
	switch answer.Code() { //nolint:exhaustive // the others mean that it is away
	case codes.InvalidArgument:
		kind = kek.ErrWrong
	case codes.NotFound, codes.FailedPrecondition:
		kind = kek.ErrMissing
	case codes.PermissionDenied, codes.Unauthenticated:
		kind = kek.ErrRefused
	}
	return fmt.Errorf("%w (Google answered %s)", kind, answer.Code())
}

// Close hangs up.
func (k *Key) Close() error { return k.client.Close() }
