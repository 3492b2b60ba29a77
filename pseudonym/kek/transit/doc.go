// Package transit wraps under a key of HashiCorp Vault's Transit engine, which
// never leaves Vault.
//
// Guarantee: a version that Destroy ends is trimmed from Vault's key, so that
// what was wrapped under it stays closed, whoever asks.
package transit
