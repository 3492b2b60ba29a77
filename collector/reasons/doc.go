// Package reasons keeps, for a while and in memory only, why recent events were
// not stored or were stored for less than all purposes, so that an operator who
// has an event's messageId can ask what became of it.
//
// An entry holds no content: its key is a keyed hash of site and messageId,
// under a key that is random for each process, and its value is a code for each
// purpose. The number of entries is bounded. When more comes than may be kept,
// a sample is: of each messageId the hash alone says whether it belongs to it,
// so that an answer can tell "not dropped" from "not kept".
package reasons
