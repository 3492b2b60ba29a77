// Package meter counts what the keyholder does, and writes it in Prometheus'
// text form and in that of OpenMetrics. It is small on purpose: the process that holds the keys links no
// more than it must.
//
// Guarantee: the values of labels are the ones that the code names; nothing that
// a caller sends becomes one.
package meter
