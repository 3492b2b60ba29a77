// Package guardian says what is written when a guardian agrees for a minor (GDPR
// Art. 8): that the person is a minor and until when, and a grant with who
// verified the guardian and how, which lapses at the national age. It is pure.
// The date of birth is used to find those days and is in none of the entries.
package guardian
