// Package role names who may ask the keyholder what. It is shared by both sides.
//
// Guarantee: the zero Role may ask nothing.
package role
