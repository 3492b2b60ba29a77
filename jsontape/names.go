package jsontape

import (
	"encoding/binary"
	"math/bits"
)

// Known is the number of a name that the gateway looks for in many places, so
// that who walks over members compares numbers and leaves the bodies' bytes in
// peace. Every other name is Unknown.
type Known uint8

// The names that are known, in Segment's spelling.
const (
	Unknown Known = iota
	Kind
	MessageID
	AnonymousID
	UserID
	PreviousID
	GroupID
	Proof
	Timestamp
	OriginalTimestamp
	SentAt
	Context
	Properties
	Traits
	Page
	Consent
	GPC
	Event
	Name
	Campaign
	IP
	UserAgent
	URL
	Path
	Search
	Title
	Referrer
	Source
	Medium
	Term
	Content
	ConsentManagement
	Released
	names
)

var knownNames = [names]string{
	Kind: "type", MessageID: "messageId", AnonymousID: "anonymousId", UserID: "userId", PreviousID: "previousId", GroupID: "groupId",
	Proof: "proof", Timestamp: "timestamp", OriginalTimestamp: "originalTimestamp", SentAt: "sentAt", Context: "context",
	Properties: "properties", Traits: "traits", Page: "page", Consent: "consent", GPC: "gpc", Event: "event", Name: "name",
	Campaign: "campaign", IP: "ip", UserAgent: "userAgent", URL: "url", Path: "path", Search: "search", Title: "title",
	Referrer: "referrer", Source: "source", Medium: "medium", Term: "term", Content: "content",
	ConsentManagement: "consentManagement", Released: "released",
}

// placeBits is the logarithm of how many places the table of known names has.
const placeBits = 9

// knownAt has the number of a known name at the place of its hash, and factor
// is one under which no two of them have the same place.
var knownAt, factor = func() (table [1 << placeBits]Known, factor uint64) {
	for factor = 0x9E3779B97F4A7C15; ; factor += 2 {
		table = [1 << placeBits]Known{}
		placed := 0
		for k := Unknown + 1; k < names; k++ {
			if at := &table[hash([]byte(knownNames[k]))*factor>>(64-placeBits)]; *at == Unknown {
				*at = k
				placed++
			}
		}
		if placed == int(names)-1 {
			return table, factor
		}
	}
}()

// known returns the number of a name with the given hash.
func known(name []byte, hash uint64) Known {
	k := knownAt[hash*factor>>(64-placeBits)]
	if string(name) != knownNames[k] {
		return Unknown
	}
	return k
}

// hash tells names apart: by their length, their beginning and their end.
func hash(name []byte) uint64 {
	h := uint64(len(name))
	switch {
	case len(name) >= 8:
		h ^= binary.LittleEndian.Uint64(name) ^ bits.RotateLeft64(binary.LittleEndian.Uint64(name[len(name)-8:]), 29)
	case len(name) >= 4:
		h ^= uint64(binary.LittleEndian.Uint32(name))<<8 ^ uint64(binary.LittleEndian.Uint32(name[len(name)-4:]))<<29
	case len(name) > 0:
		h ^= uint64(name[0])<<8 ^ uint64(name[len(name)/2])<<16 ^ uint64(name[len(name)-1])<<24
	}
	return h
}
