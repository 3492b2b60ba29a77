// Package authority signs the certificates by which callers over TCP are told
// apart, and checks them.
//
// Guarantee: only a certificate that this authority signed, that is in force by
// the keyholder's own clock and that names one role and one caller is taken for
// that caller; every other one is refused, with the reason. Private keys of
// callers are never here: they send a request and get a certificate.
package authority
