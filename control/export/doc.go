// Package export is the ledger as a file, and the check of such a file without
// the store: lines of JSON with every entry, the personal parts that were not
// erased with their salts, and the signed checkpoints.
//
// Each line has exactly one way to be written; what is written otherwise is
// damaged. So no reader can be shown something else than what was checked. Files
// of any length are written and checked in bounded memory.
//
// Everything here is pure. docs/format/ledger-export.md gives the lines.
package export
