// Package catalogue lists every metric of the product: what it counts, in what
// unit, by which labels and with which values of them, in which process and under
// which setting.
//
// Guarantee: the list is what a system with every part switched on tells, no more
// and no less; a test of the running system holds them together. docs/metrics.md is
// written from it, and what asks for metrics (dashboards, rules) is checked against
// it.
//
// Metrics are declared where they are counted. This room imports none of those.
package catalogue

//go:generate go run ./gen ../../docs/metrics.md
