// Package calls is the keyholder's log of calls: who asked for what, how many
// rows it was about, and what came of it. Never what was asked or answered.
//
// Guarantee: an entry is on disk when Append returns. Entries are chained by
// their hashes, so that none can be altered, left out or moved without Verify
// telling; every minute the chain's head is sealed under a key of the
// keyholder's, so that whoever can write the files alone cannot make the chain
// anew. docs/format/calls.md has the format.
//
//	Append ---> group commit ---> 000001.log 000002.log ...   one line an entry
//	Count  ---> sums in memory ---> one entry a second or half a minute
package calls
