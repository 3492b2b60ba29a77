package awskms

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/smithy-go"
	"github.com/tink-crypto/tink-go-awskms/v3/integration/awskms"
	"github.com/tink-crypto/tink-go/v2/tink"

	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/kek/reach"
	"zgoda/pseudonym/private"
)

// Key is a key of AWS KMS.
type Key struct {
	reach reach.Config
	aead  tink.AEADWithContext
	idle  func()
}

// Open makes a client; it asks AWS nothing yet. Without a file of credentials
// they are the machine's own role.
func Open(ctx context.Context, cfg reach.Config) (*Key, error) {
	arn := cfg.URI.Rest
	options := []func(*config.LoadOptions) error{
		config.WithRegion(strings.Split(arn, ":")[3]),
		config.WithSharedConfigFiles([]string{}),
		config.WithRetryMaxAttempts(2),
	}
	if cfg.Credentials != "" {
		if _, err := private.ReadFile(cfg.Credentials); err != nil {
			return nil, fmt.Errorf("credentials for AWS: %w", err)
		}
		options = append(options, config.WithSharedCredentialsFiles([]string{cfg.Credentials}), config.WithSharedConfigProfile("default"))
	} else {
		options = append(options, config.WithSharedCredentialsFiles([]string{}))
	}
	trust, err := cfg.TLS()
	if err != nil {
		return nil, err
	}
	client := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) { t.TLSClientConfig = trust })
	settings, err := config.LoadDefaultConfig(ctx, append(options, config.WithHTTPClient(client))...)
	if err != nil {
		return nil, errors.New("the credentials for AWS cannot be read") // not err, which may quote them
	}
	service := kms.NewFromConfig(settings, func(o *kms.Options) {
		if cfg.Endpoint != "" {
			o.BaseEndpoint = &cfg.Endpoint
		}
	})
	aead, err := awskms.NewAEADWithContext(ctx, arn, awskms.WithKMS(service))
	if err != nil {
		return nil, fmt.Errorf("use AWS's key: %w", err)
	}
	return &Key{reach: cfg, aead: aead, idle: func() { client.GetTransport().CloseIdleConnections() }}, nil
}

// Describe returns the URI.
func (k *Key) Describe() string { return k.reach.URI.String() }

// Wrap has AWS seal.
func (k *Key) Wrap(ctx context.Context, plain, bind []byte) ([]byte, error) {
	if len(plain) > kek.MaxPlain {
		return nil, kek.ErrTooLong
	}
	ctx, cancel := context.WithTimeout(ctx, k.reach.Timeout())
	defer cancel()
	wrapped, err := k.aead.EncryptWithContext(ctx, plain, bind)
	return wrapped, sort(err)
}

// Unwrap has AWS open it.
func (k *Key) Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error) {
	if len(wrapped) == 0 || len(wrapped) > 6<<10 { // what AWS takes
		return nil, kek.ErrWrong
	}
	ctx, cancel := context.WithTimeout(ctx, k.reach.Timeout())
	defer cancel()
	plain, err := k.aead.DecryptWithContext(ctx, wrapped, bind)
	return plain, sort(err)
}

// sort tells one failure from another, and takes nothing of what AWS said but
// the name of the error.
func sort(err error) error {
	if err == nil {
		return nil
	}
	var answer smithy.APIError
	if !errors.As(err, &answer) {
		return kek.ErrAway
	}
	kind := kek.ErrAway
	switch answer.ErrorCode() {
	case "InvalidCiphertextException", "IncorrectKeyException", "ValidationException":
		kind = kek.ErrWrong
	case "NotFoundException", "DisabledException", "KMSInvalidStateException":
		kind = kek.ErrMissing
	case "AccessDeniedException", "UnrecognizedClientException", "InvalidSignatureException", "ExpiredTokenException",
		"IncompleteSignature", "InvalidClientTokenId", "MissingAuthenticationToken", "OptInRequired", "InvalidKeyUsageException":
		kind = kek.ErrRefused
	}
	return fmt.Errorf("%w (AWS answered %.60s)", kind, answer.ErrorCode())
}

// Close hangs up.
func (k *Key) Close() error {
	k.idle()
	return nil
}
