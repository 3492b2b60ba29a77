// Package stores lists every place where something personal is kept, how each
// forgets, and when its last copy is gone of what is erased now.
//
// Guarantee: a file of the data folder that belongs to no store of the list fails a
// test, and so does a table with a pseudonym that no store names.
package stores
