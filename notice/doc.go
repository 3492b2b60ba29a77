// Package notice tells others over HTTPS: recipients of personal data what became
// of a request (GDPR Art. 19), and other systems what became of those that they
// handed over.
//
// A notice is kept in the control store, without an identifier, until its end; what
// a recipient knows a person by is asked of the keyholder at each try, and goes
// nowhere else. Nothing is sent to a host that the configuration does not name, and
// to no address of a private network that it does not name by that address.
package notice
