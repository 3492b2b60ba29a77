// Package person keeps what is personal of a contact: identifiers in clear and
// traits, each with where it is from, and documents.
//
// Guarantee: whatever is kept is sealed under the contact's own key (DEK), which
// is destroyed with the contact; nothing of it is in an error, and its types print
// as [redacted]. A contact is found by an identifier that is kept here from the
// moment on when Put returns, and not any more when Remove returns.
//
//	Put -- seal under DEK --> row of data        (AES-256-GCM, padded to 64 bytes)
//	    -- blind, hash ----> index that leads to the contact
//	Attach -- own key -----> chunks of 64 KiB; the key in a head sealed under DEK
package person
