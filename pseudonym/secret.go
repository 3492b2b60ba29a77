package pseudonym

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Secret holds key bytes. It prints as [redacted] under every verb. As an
// unexported field of another value, where fmt calls no methods, it prints as
// the address of a function: no verb follows that to the bytes, as some do
// with a pointer. The zero Secret holds nothing.
type Secret struct{ reveal func() []byte }

// NewSecret wraps key bytes. It takes ownership of b.
func NewSecret(b []byte) Secret { return Secret{reveal: func() []byte { return b }} }

// Reveal returns the key bytes themselves, not a copy. It is the only way to
// read them; search for it to find every place that does.
func (s Secret) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// IsZero says whether there is no key.
func (s Secret) IsZero() bool { return len(s.Reveal()) == 0 }

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }
