// Package keyring keeps the keyholder's keys: on disk as Tink keysets wrapped
// under a key-encryption key, in memory as reusable HMAC states.
//
// Guarantee: a key is on disk, synced, before it is used for the first time, and
// what is gone is never silently made anew: a missing key-encryption key, or a
// missing keyset that others depend on, ends the start. No key leaves this
// package but through Gateway, which gives a gateway its own.
//
//	DIR/kek/kek.key                   the key-encryption key, 0600, a folder of its own
//	DIR/keys/gate.keyset              K_gate, all live versions
//	DIR/keys/link.keyset              K_link
//	DIR/keys/slot.keyset              seals the vault's salts (AEAD)
//	DIR/keys/decoy.keyset             salts of contacts that do not exist
//	DIR/keys/spool.keyset             for the gateways' spools
//	DIR/keys/cookie.keyset            for the gateways' cookies
//	DIR/keys/purpose-consent.keyset   K_purpose[consent]
//	DIR/keys/purpose-profiling.keyset K_purpose[profiling]
//	DIR/keys/analytics-202611.keyset  K_purpose[analytics] of one month, random
//	DIR/keys/visitor-2026.keyset      K_visitor of one year, random, gone a day after it
//	DIR/keys/consent-visitor.keyset   K_visitor_consent, behind visitors' consent pseudonyms
//	DIR/keys/layout                   which of the lasting keysets there must be
package keyring
