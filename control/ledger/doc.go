// Package ledger is the form of one entry of the consent ledger, and the chain
// that shows whether any entry was altered, removed or put elsewhere.
//
// The chain covers everything that is said about nobody in particular as it
// stands, and the personal parts and free texts (subject, linked visitor, raw
// signal, actor, reason) by salted commitments only. The parts stand beside the
// chain with their salts: erasing a part leaves a chain that still verifies and
// says nothing about what was erased.
//
// Everything here is pure. docs/format/ledger.md gives the bytes.
package ledger
