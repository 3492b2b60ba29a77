// Package vault keeps the salts of contacts, which identifiers lead to them, and
// which visitors they were.
//
// Guarantee: a salt that was handed out is on disk, synced, sealed under the
// slot key and bound to its contact; what is deleted is overwritten in the
// file. No identifier is here in any form but a keyed hash (h2), and a visitor's
// h1 is sealed.
//
//	identifiers  h2 -> contact        many to one
//	contacts     contact -> salt      sealed, bound to the contact's number
//	visitors     contact -> h1, ...   sealed likewise; found by a hash keyed with the salt
//
// The salts of all contacts are in memory too, since SQLite alone reads too
// slowly for every event: one open vault has one file, and one process has it.
package vault
