// Package own takes requests that people make by themselves, on a page of the site,
// for the visitor that the signed cookie of their browser names: erasure, access and
// objection. The cookie proves who asks (EDPB 01/2025, 78); it proves nothing of a
// contact, so that nothing of a contact is given or touched. Whoever gives a mail address
// instead is sent a link to it, if it is known, and hears nothing of whether it is.
package own
