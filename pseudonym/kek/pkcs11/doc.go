// Package pkcs11 wraps under an AES key of a PKCS#11 token (OASIS PKCS #11
// version 2.40): a hardware security module, a smart card, or SoftHSM.
//
// Guarantee: the key is one that the token does not give out; a key that can be
// extracted is refused. A version that Destroy ends is destroyed on the token.
//
// The token's library is loaded into the process without cgo. That is why it is
// never the keyholder's process: the library could read all that the process
// has in memory.
package pkcs11
