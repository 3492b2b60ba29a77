// Package profile reads a CPU profile as pprof writes it and says how long each
// stage of an event's life takes: every sample is counted once, for the room
// whose code was running or had called what was running.
package profile
