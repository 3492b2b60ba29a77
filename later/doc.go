// Package later keeps events about people whom only the keyholder could have told,
// while it is away, and hands them back once it answers. What waits is sealed twice:
// the identifiers to the keyholder alone, and all of it in a spool of its own.
//
// An event waits undecided, with the signals of its request. Nothing is stored of it
// until it is decided with what is on record by then (docs/decisions/0041). The form
// of a record is in docs/format/later.md.
package later
