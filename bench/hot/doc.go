// Command hot keeps the calls that take the most of the gateway's time as text,
// so that they can be committed and read, and makes of them the profile that
// the compiler optimises by (go build -pgo, docs/decisions/0024).
//
//	hot text < cpu.pprof > bench/hot/zgoda.txt
//	hot pprof < bench/hot/zgoda.txt > bin/zgoda.pgo
//
// A line is a weight, a caller, the line of the call counted from the caller's
// first one, and the callee, with tabs between them; the heaviest calls come
// first. Names are those of the linker.
package main
