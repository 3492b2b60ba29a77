// Package mail sends mail by SMTP.
//
// Send returns nil only after the server has taken the message: from then on it
// is the server's to deliver. It keeps nothing of a message, and no error of it
// holds an address, a word of the message or a word of the server, since servers
// repeat addresses in their refusals: only the act and the server's code remain.
package mail
