package console

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a token. It prints as [redacted]; Reveal is the way to read it.
type Secret struct{ text string }

// NewSecret returns a fresh random token.
func NewSecret() Secret { return Secret{"zgl_" + rand.Text()} }

// Reveal returns the token itself, to be written to the file of mode 0600.
func (s Secret) Reveal() string { return s.text }

// matches compares in constant time; an empty secret matches nothing.
func (s Secret) matches(token string) bool {
	a, b := sha256.Sum256([]byte(s.text)), sha256.Sum256([]byte(token))
	return s.text != "" && subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

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
