// Package enrich turns the client's address into a country and its user agent
// into families of browser, system and device.
//
// It guarantees that neither an address nor a user agent outlives the call: the
// cache of families is keyed by a seeded hash and holds families alone. A family
// is a name of a closed set made from the expressions' own lists, never what the
// client wrote; and user agents never seen before take a bounded part of the
// processor, whoever sends them.
package enrich
