// Package cases keeps whom requests of data subjects are about, lists every pseudonym
// of them, destroys them, and keeps what is needed to do that again after a restore.
//
// Guarantee: a case is opened once and is about one person ever after; what Destroy
// destroyed is in the journal of erasures by the same commit, and nothing of the person
// is left beside that entry, sealed under a key that ends with its month, and the
// tombstones, whose keys end after 30 days. Doing any of it again changes nothing.
//
//	Find -> Open -> Pseudonyms -> Destroy -> Close
//	entries of the journal -> Replay
//
// The entries are described in docs/format/erasures.md.
package cases
