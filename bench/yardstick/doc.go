// Package yardstick holds the servers that a load is sent to beside the
// gateway, which do less and so show what there is to win.
//
//   - Bare answers 204 to everything: what the machine and the HTTP server give.
//   - Durable answers 204 when the raw body is on disk, and does nothing else:
//     the limit of every server that answers after durability.
//   - nginx answers 204 and writes a line to a buffered log: what answers from
//     memory cost.
package yardstick
