// Package gather reads what is held of the person whom a request is about, wherever it
// is held, and hands it out: to whoever asked (GDPR Art. 15), or to another controller
// (Art. 20).
//
// Guarantee: it hands out what is of that person alone. Rows are found by the
// pseudonyms that the keyholder lists for the request; those of a browser that others
// use too count only while it was theirs, by the ledger. Each hand-out is on record
// before its first byte leaves.
//
//	Prepare -> Hand or Send
package gather
