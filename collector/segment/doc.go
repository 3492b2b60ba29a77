// Package segment reads Segment's wire: single calls and batches, as
// analytics.js 2, the server SDKs and anything written against their HTTP API
// send them.
//
// It guarantees that what it accepts is strict JSON: UTF-8 without NUL, no
// member named twice, bounded nesting, numbers that a float64 can hold. What it
// returns points into the parser and is valid until the parser is used again.
package segment
