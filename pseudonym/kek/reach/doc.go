// Package reach says how zgoda-kek comes to a key that is elsewhere: with which
// credentials, whose certificates to believe, how long to wait.
//
// Guarantee: what it reads as a secret is a file of mode 0600, and nothing of it
// is in an error.
package reach
