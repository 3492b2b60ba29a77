// Package table keeps in memory which contact an identifier leads to, and the
// contacts' numbers and salts.
//
// Guarantee: what is in it lies outside the heap, in pages that no core dump
// holds, where the garbage collector neither reads nor copies it; a salt is in
// one place only, and is overwritten when its contact is forgotten and when the
// table is closed.
//
//	shards of cells of 20 bytes   16 bytes of the index, 4 of the place + 1; open addressing
//	places of 40 bytes            32 of the salt, 8 of the contact's number
//	shards of cells of 4 bytes    the place + 1, found by the contact's number
//
// One contact with two identifiers takes about 100 bytes. A shard that is full
// grows by half, alone, so no caller waits for more than a 256th of the table.
//
// Who forgets a contact takes its identifiers away first: a lookup reads the salt
// under the lock of the identifier's shard, and no other.
package table
