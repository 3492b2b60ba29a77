package pseudonym

import "zgoda/pseudonym/secret"

// Secret holds key bytes. It prints as [redacted] under every verb; Reveal is the
// only way to read them.
type Secret = secret.Bytes

// NewSecret wraps key bytes. It takes ownership of b.
func NewSecret(b []byte) Secret { return secret.New(b) }
