// Package choice serves a person's own choices: GET /consent says what is in
// force for the visitor of the signed cookie, POST /consent changes it.
//
// It guarantees that
//   - a choice is in the ledger before it is answered, and a failed write sets no cookie;
//   - a visitor's identifier is made only once a purpose that needs one is granted
//     and no browser signal refuses it, and is taken away with the last such grant;
//   - only a page of a listed origin changes anything, only for the visitor whose
//     signed cookie the browser sent, and for a contact only with the proof of its
//     userId, of whom nothing is told even then;
//   - no answer repeats what the client sent, but the purposes that the site declares.
package choice
