// Package control is the control store: the consent ledger, the state of every
// data subject that follows from it, the links from visitors to contacts, and
// the tokens of operators. It holds consent handles and no identifier.
//
// Append returns only after its entries are on disk, chained and applied to the
// current state, in one transaction. Records answers from one snapshot, with the
// sequence of that snapshot. Every error means that nothing is known: a caller
// must not grant on one.
//
//	Append ──> queue ──> one writer: entries, parts, state, head ──> fsync ──> Change
//	Records <── readers (WAL snapshot)
package control
