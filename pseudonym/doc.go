// Package pseudonym is the gateway's half of pseudonymisation: it blinds
// identifiers under the gateway's key and asks the keyholder for handles.
//
// Guarantee: an identifier goes into Blind and never further. What leaves this
// process is a keyed hash (h1), what comes back are pseudonyms; neither the
// salts nor the keys that lie between them are ever here. No error, log line or
// metric of this package carries an identifier, a hash, a key or a handle.
//
//	identifier --Blind (K_gate)--> h1 --Resolve--> keyholder (K_link, vault, K_purpose) --> handles
//
// The other half lives in pseudonym/keyring, pseudonym/vault and
// pseudonym/keyholder, which zgoda-keyholder alone may link.
package pseudonym
