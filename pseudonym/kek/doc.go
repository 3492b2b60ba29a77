// Package kek says what a key-encryption key can do, wherever it lives: it wraps
// what opens the keyholder's keys, and nothing else.
//
// Guarantee: what Wrap returns can be kept anywhere; only the key that made it,
// asked with the same binding, gives the text back. No error carries a key, a
// text or a credential.
package kek
