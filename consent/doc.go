// Package consent decides. From a site's policy, the signals of a request and
// what the control store holds about the people concerned, it says per purpose
// whether an event may be stored, under whose pseudonym, and who decided.
//
// Everything here is pure: no I/O, no clock, no goroutine. The zero value of
// every type denies. Only this package mints a Permit, and nothing can be made
// into a record without one.
package consent
