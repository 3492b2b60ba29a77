// Package minimise takes out of an event what no purpose needs, before anything
// is decided or stored.
//
// It guarantees that no text it returns holds a mail address, a telephone
// number in a recognisable form, a payment card, an IBAN, a national number that
// its checksum or date gives away, or an IP address: each is replaced by [mail],
// [phone], [card], [iban], [nationalid] or [ip], percent-encoded forms, HTML
// entities, full-width signs and URLs included. Page addresses lose every query
// parameter that the site did not list, and their segments that look like
// identifiers become ":id".
//
// Everything is linear in the input, uses no regular expression, and allocates
// nothing but the growth of a Buffer.
package minimise
