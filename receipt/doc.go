// Package receipt writes what the ledger holds about a person as documents that
// others can read: consent records and receipts after ISO/IEC TS 27560 as
// JSON-LD, in the terms of the Data Privacy Vocabulary, and Kantara consent
// receipts v1.1. Each document has its context in it: nothing is fetched to read
// it.
//
// What a document has to say and the configuration does not is refused with the
// key that is missing. Everything here is pure; the schemas are in Schemas.
package receipt
