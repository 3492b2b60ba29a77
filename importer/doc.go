// Package importer reads consents that were collected elsewhere, with their proof,
// from CSV and writes them into the ledger.
//
// It guarantees that the same file written twice adds nothing; that what a person
// said later, here or in the file, is never undone by something older; and that
// what is told about bad rows is their line, the field and the reason, never what
// stands in them. It reads a stream: memory is bounded by one group of rows.
//
//	CSV ── rows ──> checked ── 256 ──> contacts (one call) ──> ledger (one transaction)
//	         └── line, field, reason ──> Bad
package importer
