// Package blind turns identifiers into keyed hashes under the gateway's key
// (K_gate), in the one way that the gateway and the keyholder share: the gateway
// blinds what events name, the keyholder what a request of a person names.
//
// Guarantee: equal identifiers of a site give equal hashes whoever writes them
// and however, and different ones different hashes; no error carries a value,
// and nothing of a value is kept. It reads no file and calls nobody.
package blind
