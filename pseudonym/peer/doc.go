// Package peer lets two processes on one machine trust each other over a unix
// socket: by the user that the kernel says the other end runs as.
//
// Guarantee: a connection whose other end runs as any other user, or whose user
// cannot be told, ends in the handshake, before a byte is read from it.
package peer
