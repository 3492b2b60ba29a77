// Package uri names key-encryption keys: which provider, which key.
//
// Guarantee: a URI that Parse accepts carries no secret, so that it may be
// configured, printed and recorded.
package uri
