// Package rotation changes the keyholder's keys while it serves, and ends their
// lives on time.
//
// Guarantee: no step loses a contact, and a rotation that was cut short at any
// point, by a failure or by the end of the process, goes on at the next Run. What
// is to be done next is read from the states of the keys and from the rows
// themselves, never from a note of how far it was: a step that has been done is
// found done.
//
//	slot     made -> current; every contact is sealed again; the one before is
//	         destroyed, and all keysets are wrapped anew
//	link     made -> current, a further link of the chain; every identifier gets
//	         its new index; the one before stays, as an inner link
//	gate     made -> current; contacts are found by both, and get the new index
//	         when they come, or at once by an identifier that is kept sealed; the
//	         one before ends when it is retired
//	purpose  made -> current; gateways rewrite what is stored, and say so; the
//	         one before ends, or stays for the visitors of its year
//	kek      all keysets are wrapped anew, under the new provider
package rotation
