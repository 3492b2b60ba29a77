// Package pgtest runs a real PostgreSQL server for a test and takes it away
// afterwards: Debian's, in a folder of its own, listening on a Unix socket in it
// and nowhere else. A test that finds no server fails, and says how to get one.
package pgtest
