// Package bench is the load generator and the yardsticks: the same load, in the
// same run, on the gateway and on servers that do less. Ratios between them are
// what is reported, since machines are noisy.
package bench
