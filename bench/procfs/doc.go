// Package procfs reads what Linux tells about processes and the machine. What
// cannot be read is zero or "unknown": a report goes on without it.
package procfs
