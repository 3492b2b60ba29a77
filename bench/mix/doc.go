// Package mix prepares the requests of a load: what a shop's pages and servers
// send, as whole HTTP/1.1 requests in memory. A pool of them is written once;
// before each sending only the visitor, the message id and the times are
// written over, at places of fixed width, so that preparing costs little and
// every request is a new one.
//
// Nothing in it is drawn from real people: visitors, users and addresses are
// numbers in another form.
package mix
