package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
)

const (
	redacted   = "[redacted]"
	minSecret  = 16
	maxSecret  = 4096
	secretMode = 0o600
)

// Secret holds secret bytes. It prints as [redacted] under every verb; Reveal is
// the only way to the bytes.
type Secret struct{ bytes []byte }

// NewSecret copies the bytes.
func NewSecret(b []byte) Secret { return Secret{bytes: bytes.Clone(b)} }

// Reveal returns the secret bytes, which the caller must not change.
func (s Secret) Reveal() []byte { return s.bytes }

// IsZero says whether there is no secret.
func (s Secret) IsZero() bool { return len(s.bytes) == 0 }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// The reasons why a secret file is refused.
var (
	ErrSecretMode   = errors.New("secret file must be a regular file of mode 0600")
	ErrSecretLength = fmt.Errorf("secret must have %d to %d bytes", minSecret, maxSecret)
)

// ReadSecret reads a secret from a regular file that nobody but its owner may
// read or write. White space around the secret is not part of it.
func ReadSecret(path string) (s Secret, err error) { return readSecret(path, minSecret) }

func readSecret(path string, least int) (s Secret, err error) {
	f, err := os.Open(path)
	if err != nil {
		return Secret{}, fmt.Errorf("open the secret file: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	info, err := f.Stat()
	if err != nil {
		return Secret{}, fmt.Errorf("stat the secret file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Mode().Perm()&^secretMode != 0 {
		return Secret{}, ErrSecretMode
	}
	b, err := io.ReadAll(io.LimitReader(f, maxSecret+2))
	if err != nil {
		return Secret{}, fmt.Errorf("read the secret file: %w", err)
	}
	b = bytes.TrimSpace(b)
	if least == minSecret && (len(b) < least || len(b) > maxSecret) {
		return Secret{}, ErrSecretLength
	}
	if len(b) < least || len(b) > maxSecret {
		return Secret{}, fmt.Errorf("secret must have %d to %d bytes", least, maxSecret)
	}
	return NewSecret(b), nil
}
