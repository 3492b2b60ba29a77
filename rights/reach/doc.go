// Package reach follows what people withdraw to the rows that are there already: it
// reads the ledger, keeps what is to be reached, and hands it to the batches in which
// erasures go. It names rows by activity/erase and touches none itself.
package reach
