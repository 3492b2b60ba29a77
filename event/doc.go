// Package event is the leaf of the project: the named types every room speaks
// in, and the event itself as it is after decoding and minimisation.
//
// It imports the standard library only and performs no I/O.
package event
