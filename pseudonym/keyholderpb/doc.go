// Package keyholderpb is the wire form of the keyholder's interface, generated
// from keyholder.proto. Its messages carry keys and hashes and must not be
// printed; pseudonym and pseudonym/keyholder are the only importers.
package keyholderpb

//go:generate sh generate.sh
