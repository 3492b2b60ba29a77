package pseudonym

import "zgoda/pseudonym/blind"

// What blinds identifiers is shared with the keyholder, and kept in package blind.
type (
	// GateKey is one version of the gateway's key (K_gate).
	GateKey = blind.GateKey
	// GateKeys are the live versions of K_gate, the current one first.
	GateKeys = blind.GateKeys
	// Both is an identifier under the live gate keys.
	Both = blind.Both
	// Blinder turns identifiers into keyed hashes (h1).
	Blinder = blind.Blinder
)

// MaxIdentifier is the greatest length of an identifier, in bytes.
const MaxIdentifier = blind.MaxIdentifier

var (
	// ErrNoGateKey is returned by a Blinder that was given no key.
	ErrNoGateKey = blind.ErrNoGateKey
	// ErrIdentifier is what every refusal of an identifier is.
	ErrIdentifier = blind.ErrIdentifier
)

// NewBlinder makes a Blinder of the first of the keys.
func NewBlinder(keys GateKeys) *Blinder { return blind.NewBlinder(keys) }
