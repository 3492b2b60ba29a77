// Package spool is a sealed segment log on disk: opaque records in, ranges of
// durable records out.
//
// Its guarantee: Wait returns nil only after the record is on disk, and a record
// for which it did is handed out by Next after any crash, in order, until its
// range is released. A record for which Wait returned an error is never handed
// out by this process, nor after a restart unless the disk kept it and refused
// to forget it (docs/format/spool.md says when).
//
//	Put --> gathering group --(Run: seal, write, fdatasync)--> segment files --> Next --> Release
//	 '--- Wait <----------------------------- wakes -----'
//
// Put only copies under a short mutex. While one fdatasync runs the next group
// gathers, so waiting adapts to the load and an idle spool costs one fdatasync
// for an event.
//
// Groups are sealed with AES-256-GCM under a key of their segment's own, so no
// record is on disk in the clear.
package spool
