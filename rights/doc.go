// Package rights keeps the requests of data subjects: what they ask for, until when,
// who has to agree, and what is done about each. Who they are it never learns: the
// keyholder's case of a request has the request's id.
package rights
