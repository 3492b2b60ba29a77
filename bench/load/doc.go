// Package load sends requests over HTTP/1.1 with keep-alive and counts what the
// answers took, from one thread that owns every connection, so that little of
// the machine is taken from the server under test.
//
// A closed loop sends the next request of a connection when the answer to the
// last one has come. An open loop sends at the times of a schedule, whether or
// not answers come, and counts each latency from the time at which the request
// was due: a server that stalls pays for everything that waited (no coordinated
// omission).
package load
