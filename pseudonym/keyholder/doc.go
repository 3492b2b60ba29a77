// Package keyholder serves the keyholder's half of pseudonymisation: blinded
// identifiers in, pseudonyms out, over a unix socket.
//
// Guarantee: an answer that minted or linked is durable before it is sent; only
// processes of allowed users are heard; and a failure answers nothing, never
// something. Nothing that a call carries is logged.
//
//	h1 --K_link--> h2 --vault--> salt --K_purpose--> handles        a contact
//	h1 --K_visitor[year]-------> salt --K_purpose--> handles        a visitor
//	h1 --K_visitor_consent-----> salt --K_purpose--> consent handle a visitor
//	h1 --K_link--> h2 --K_decoy-> salt --K_purpose--> handles       nobody
package keyholder
