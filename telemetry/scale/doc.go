// Package scale says how times are counted: each histogram has classic buckets
// with edges where a promise is made (1 s for a withdrawal, 10 s for the way into
// ClickHouse), which every Prometheus reads, and a native form beside them, whose
// error is at most 5 % of what it shows and which only those scrape who ask for it.
package scale
