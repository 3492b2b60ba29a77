// Package renewal notes in the ledger that grants are over, and lists whom to ask
// again. Nothing rests on it: decisions look at the time themselves. An entry is
// written once for each grant, however often and on however many nodes it runs.
package renewal
