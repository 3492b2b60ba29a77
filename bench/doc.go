// Package bench is how speed is measured: a load generator (load), what it sends
// (mix), the servers that the gateway is measured beside (yardstick), what the
// processes used (procfs), where the time goes (profile), and the program that
// runs it all and writes the tables (run). docs/benchmarks.md says how to read
// them.
package bench
