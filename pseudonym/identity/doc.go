// Package identity is a caller's half of its certificate: the request for one,
// and the file that holds the private key, the certificate and the keyholder's
// authority together.
//
// Guarantee: a file is replaced whole or not at all, is for its owner alone, and
// is refused if others can read it. The private key goes into that file and
// nowhere else.
package identity
