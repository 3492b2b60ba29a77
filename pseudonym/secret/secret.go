package secret

import (
	"fmt"
	"log/slog"
)

const redacted = "[redacted]"

// Bytes are key bytes. They print as [redacted] under every verb. As an
// unexported field of another value, where fmt calls no methods, they print as
// the address of a function: no verb follows that to the bytes, as some do
// with a pointer. The zero Bytes hold nothing.
type Bytes struct{ reveal func() []byte }

// New wraps key bytes. It takes ownership of b.
func New(b []byte) Bytes { return Bytes{reveal: func() []byte { return b }} }

// Reveal returns the key bytes themselves, not a copy. It is the only way to
// read them; search for it to find every place that does.
func (s Bytes) Reveal() []byte {
	if s.reveal == nil {
		return nil
	}
	return s.reveal()
}

// IsZero says whether there is no key.
func (s Bytes) IsZero() bool { return len(s.Reveal()) == 0 }

// String returns "[redacted]".
func (Bytes) String() string { return redacted }

// GoString returns "[redacted]".
func (Bytes) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Bytes) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Bytes) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]", so that no encoder writes the bytes.
func (Bytes) MarshalText() ([]byte, error) { return []byte(redacted), nil }
