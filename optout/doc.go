// Package optout records that Global Privacy Control of a known contact was an
// opt-out under the law of a US state.
//
// Note neither waits nor fails: it hands over to a bounded queue, and an opt-out
// that finds it full is counted and met again with the contact's next event. An
// entry is written once for each contact, since whoever has one on record is not
// noted again.
package optout
