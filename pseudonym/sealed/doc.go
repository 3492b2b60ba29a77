// Package sealed closes blinded identifiers that a gateway may not keep open: it
// seals them to the keyholder's public key while the keyholder is away, and only
// the keyholder opens them. HPKE (RFC 9180) in base mode, with DHKEM(X25519,
// HKDF-SHA256), HKDF-SHA256 and AES-256-GCM; the form is in docs/format/later.md. What
// an event says of its contact in clear is sealed likewise (docs/format/said.md).
package sealed
