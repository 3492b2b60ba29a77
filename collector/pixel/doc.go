// Package pixel reads an event from the query of GET /p.gif, for mails and
// pages without JavaScript:
//
//	k or key   the write key
//	t          the type, page when left out
//	n          the name of the event, page or screen
//	u, r       the address of the page, and of the one before it
//	m          the messageId
//
// An image carries no Origin, so a public key gets scope none here.
package pixel
