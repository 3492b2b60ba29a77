// Package mailtest is a real SMTP server on loopback for tests. It keeps what it
// is sent, in memory.
package mailtest
