package engine

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"log/slog"
)

// Secret is a password. It prints as [redacted]; Reveal is the only way to read it.
type Secret struct{ text string }

// redacted is what a Secret prints as.
const redacted = "[redacted]"

// Reveal returns the password itself.
func (s Secret) Reveal() string { return s.text }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the password.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// newSecret makes a password of 32 random bytes.
func newSecret() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails: crypto/rand ends the process instead
	return Secret{text: base64.RawURLEncoding.EncodeToString(b[:])}
}

// Credential is one user of the engine.
type Credential struct {
	User     string
	Password Secret
}

// Access is how to reach a prepared engine.
type Access struct {
	Address string     // host:port of the native protocol, on loopback
	Admin   Credential // everything: migrations, reads for rights
	Writer  Credential // inserts, and what migrations need
	Analyst Credential // the analysts' views and nothing else
}
