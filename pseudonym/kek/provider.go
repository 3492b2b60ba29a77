package kek

import (
	"context"
	"errors"
)

// Provider is one key-encryption key.
type Provider interface {
	// Describe returns the key's URI, with nothing secret in it.
	Describe() string
	Wrap(ctx context.Context, plain, bind []byte) ([]byte, error)
	Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error)
	Close() error
}

// Renewer is a provider that can make a new version of its key and destroy the
// old ones for good.
type Renewer interface {
	// Renew makes a new version; Wrap wraps under it, Unwrap opens both.
	Renew(ctx context.Context) (version string, err error)
	// Destroy destroys every version before the named one.
	Destroy(ctx context.Context, before string) error
}

// Errors of a provider.
var (
	ErrAway    = errors.New("the key-encryption key cannot be reached")
	ErrWrong   = errors.New("wrapped under another key-encryption key, or damaged")
	ErrMissing = errors.New("there is no key-encryption key")
)

// Config says which key, and how to reach it.
type Config struct {
	URI        string                 // file:, passphrase:, hcvault://, aws-kms://, gcp-kms://, pkcs11:
	Dir        string                 // folder of file: and passphrase:
	Socket     string                 // of zgoda-kek, for the others
	Passphrase func() ([]byte, error) // asked once, for passphrase:
	MayMake    bool                   // make a key where there is none
}
