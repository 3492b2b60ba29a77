// Package supervise keeps one child process running: it starts it, waits until
// it serves, restarts it with backoff when it ends, relays its output line by
// line, and ends it when the parent stops, however the parent stops.
//
// A child runs in a process group of its own. Its standard input is a pipe that
// only the parent holds, so that a child that watches it learns of the parent's
// end; on Linux the kernel kills it as well.
package supervise
