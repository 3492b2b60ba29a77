// Package anchor makes signed checkpoints of the ledger while it grows, and puts
// them where whoever can write to the control store cannot: a file elsewhere, a
// mailbox, a transparency log.
//
// A checkpoint is in the control store before it is anchored. A place that
// cannot be reached is tried again, and gets the newest checkpoint then: each
// speaks for everything before it. Nothing of a person is in a checkpoint.
package anchor
