// Package harden makes a process give up what it does not need, so that keys in
// its memory are harder to come by.
//
// Guarantee: after Process no core dump of the process is written, no other
// process of the same user can read its memory, and nothing that it starts can
// gain rights. After Seal the kernel refuses what the filter lists, on every
// thread, for good.
package harden
