// Package jsontape reads JSON in one pass into a flat list of places in the
// body: nothing is copied, and texts are unescaped only where they hold an
// escape.
//
// It guarantees that what it accepts is strict JSON (RFC 8259): UTF-8 without
// NUL, no member named twice, bounded nesting and width, numbers that a float64
// can hold. Reading allocates nothing but the growth of a Document, and errors
// carry no content. It imports nothing of ours.
//
//	body   {"a":{"b":1},"c":[2]}
//	nodes   {    a   b   c   2     each: its name, its text, where the next
//	        0    1   2   3   4     one beside it is (a: 3), how much is in it
package jsontape
