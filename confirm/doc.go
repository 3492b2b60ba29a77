// Package confirm is double opt-in: somebody asks for a consent on a person's
// behalf, the person gets a mail, and only the person's own confirmation on the
// page behind its link makes the consent.
//
// It guarantees that nothing is granted by opening a link, since scanners of mail
// open them too; that a link works once, until it expires, and only for the
// versions of the texts that it was made for; that a link that is unknown,
// altered, used or over is answered alike; and that neither an address nor a link
// is stored: of an address nothing is kept, of a link its SHA-256.
//
// Proofs prove who makes a request of a data subject, by a link that is mailed to an
// address under which the contact is known. Footers are the last kind of link: in every mail's footer, of long life, good
// for withdrawing and objecting and for nothing else.
//
//	Request ── requested ──> ledger ── link ──> store ── mail
//	GET ?t= ── 303, cookie ──> GET ── page with a form
//	POST ── given, by the link's key ──> ledger (one transaction) ── 303 ──> done
package confirm
