// Package erasing carries erasures out, step by step, each of which is on the disk
// before the next begins: whoever resumes after a crash does at most one of them
// twice, which does no harm.
//
//	accepted   hidden from every view; the keyholder's case says whom it is about
//	fenced     the ledger says erased: no node accepts an event of theirs any more
//	drained    every node has said that nothing of theirs waits on its disk
//	deleted    the rows are gone from ClickHouse, many people in one mutation
//	settled    and so are the files that it replaced
//	proven     counted to be zero, past masks and caches
//	told       whoever was given the data knows (GDPR Art. 19), or somebody has to tell
//	destroyed  the keyholder has no key, identifier or link of theirs; nor has the
//	           control store
//	certified  a signed certificate says so
//
// One node leads, by a lease; every node drains its own disk. Nothing before
// destroyed needs what it destroys. No pseudonym is kept of a request beside the
// consent handles, until they are destroyed with the rest.
package erasing
