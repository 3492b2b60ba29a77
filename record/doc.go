// Package record holds the only form of an event that may be stored. A Record
// is made from a consent.Permit and a minimised event.Raw by Make, which is pure
// and refuses a permit that no decision minted.
package record
