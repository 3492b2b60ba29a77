// Package certificate makes and checks the signed certificates of erasures: what was
// asked, when, which tables, how many rows before and after. They hold no identifier.
package certificate
