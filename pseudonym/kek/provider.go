package kek

import (
	"context"
	"errors"
)

// Provider is one key-encryption key. It is safe for concurrent use.
type Provider interface {
	// Describe returns the key's URI, with nothing secret in it.
	Describe() string
	// Wrap seals up to MaxPlain bytes. What it returns opens with the same bind only.
	Wrap(ctx context.Context, plain, bind []byte) ([]byte, error)
	// Unwrap opens what Wrap made, or returns ErrWrong, ErrMissing or ErrAway.
	Unwrap(ctx context.Context, wrapped, bind []byte) ([]byte, error)
	Close() error
}

// Renewer is a provider that can make a new version of its key and destroy the
// old ones for good. A passphrase is none, since it is remembered, nor are AWS
// and Google, which keep every version for days after an order to destroy it:
// there the keyring puts a key of its own beside, in a file.
type Renewer interface {
	// Renew makes a new version; Wrap wraps under it, Unwrap opens both.
	Renew(ctx context.Context) (version string, err error)
	// Destroy destroys every version before the named one.
	Destroy(ctx context.Context, before string) error
}

// Retirer is a provider whose key lies in our own folder. Once nothing is
// wrapped under it any more, Retire destroys it.
type Retirer interface {
	Retire(ctx context.Context) error
}

// MaxPlain is the most that Wrap takes. What is wrapped is a key.
const MaxPlain = 4 << 10

// Errors of a provider.
var (
	ErrAway    = errors.New("the key-encryption key cannot be reached")
	ErrWrong   = errors.New("wrapped under another key-encryption key, or damaged")
	ErrMissing = errors.New("there is no key-encryption key")
	ErrRefused = errors.New("the provider of the key-encryption key refuses the act")
	ErrTooLong = errors.New("too long to be wrapped by a key-encryption key")
)

// Config says which key, and how to reach it.
type Config struct {
	URI    string // file:, passphrase:, hcvault://, aws-kms://, gcp-kms://, pkcs11:; empty: file:
	Dir    string // folder of the files of file: and passphrase:
	Socket string // of zgoda-kek, for the others

	// HelperUIDs are the users that zgoda-kek may run as; none: our own.
	HelperUIDs []uint32
	// Passphrase is asked once, for passphrase:. first says that it is chosen now.
	Passphrase func(ctx context.Context, first bool) ([]byte, error)
	MayMake    bool // make a key where there is none

	cost cost // of guessing a new passphrase; zero: defaultCost
}
