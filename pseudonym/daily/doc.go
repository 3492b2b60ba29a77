// Package daily makes the pseudonym of one day for browsers that nobody knows: no
// cookie, no id, nothing on the device. It is
//
//	HMAC-SHA-256(K_day, SHA-256(site)  address  SHA-256(user agent)), first 16 bytes
//
// K_day is random. The keyholder makes it (Maker), hands it to gateways (Holder), and
// each has it in memory alone, overwritten when the UTC day is over. From then on
// nobody can compute the day's pseudonyms, whoever has all keys that are left, and so
// nobody can find a browser's rows either, not to erase them and not to follow it.
//
// The guarantee: an address or a user agent is read and never kept, and a pseudonym
// is of the day that the key is of, or there is none.
package daily
