// Package said carries what contacts said of themselves to the keyholder: what a proven
// identify or alias holds, sealed already, waits here on disk from before the event
// is acknowledged until the keyholder has it.
//
// Guarantee: nothing that was acknowledged is lost, also while the keyholder is away,
// and events do not wait for it. Who withdrew, was restricted or was erased since has
// nothing handed on. The form of a record is in docs/format/said.md, why it is so in
// docs/decisions/0048.
//
//	collector -- seal, put --> queue (a spool) -- recheck --> keyholder: Keep
package said
