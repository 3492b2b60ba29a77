// Package keyring keeps the keyholder's keys: on disk as Tink keysets wrapped
// under a wrapping key, in memory as reusable HMAC states.
//
// Guarantee: a key is on disk, synced, before it is used for the first time, and
// what is gone is never silently made anew: a missing key-encryption key, or a
// missing keyset that others depend on, ends the start. What becomes of a key is
// recorded before it happens. No key leaves this package but through Gateway,
// Sealing and Own.
//
//	key-encryption key  ->  wrapping key  ->  keysets  ->  versions of a key
//	kek/, or elsewhere      keys/*.key        keys/*.keyset
//
// The files are described in docs/format/keys.md.
package keyring
