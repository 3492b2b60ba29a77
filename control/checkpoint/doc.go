// Package checkpoint is the form of a signed checkpoint: what one writer's chain
// of the ledger ended with at a time, under the Ed25519 signature of the node
// that wrote it. Kept elsewhere, it shows later that nothing before it was
// altered, removed or put elsewhere.
//
// It is a signed note (https://c2sp.org/signed-note). It looks like a checkpoint
// of a transparency log and is none: its hash is the head of a chain, not the
// root of a Merkle tree.
//
// Everything here is pure. docs/format/ledger-export.md gives the bytes.
package checkpoint
