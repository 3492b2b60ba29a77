// Package control is the control store: the consent ledger, the state of every
// data subject that follows from it, the links from visitors to contacts, and
// the tokens of operators. It holds consent handles and no identifier.
//
// Append returns only after its entries are on disk, chained and applied to the
// current state, in one transaction. Records answers from one snapshot, with the
// sequence of that snapshot. Every error means that nothing is known: a caller
// must not grant on one.
//
//	Append ──> queue ──> one writer: lock, facts, batch, rows, ends ──> fsync ──> Change
//	Records <── readers (one snapshot)
//	Watch   <── LISTEN: changes of all nodes in their order, own beats that came back
//
// It is in one SQLite file, or in a PostgreSQL database that several nodes share:
// each has a chain of its own, and one sequence orders the entries of all. What a
// Watch may have missed it says.
package control
