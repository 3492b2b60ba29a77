// Package serve lets a keyholder on the same machine use a key-encryption key
// over a unix socket.
//
// Guarantee: it serves the users that it was told of and nobody else, one key,
// and never the key itself. What it logs is what was asked and how it ended,
// not what was wrapped.
package serve
