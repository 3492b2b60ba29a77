// Package activity keeps the pseudonymous activity in ClickHouse: migrations,
// inserts, reads. It is the only importer of clickhouse-go.
//
// Insert returns nil only when the rows are on the server's disk. No query
// carries a pseudonym in its text or its parameters.
package activity
