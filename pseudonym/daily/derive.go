package daily

import (
	"crypto/sha256"
	"net/netip"

	"zgoda/event"
)

// messageSize is that of the site's hash, the address and the user agent's hash.
const messageSize = sha256.Size + 16 + sha256.Size

// siteRoom holds the longest id of a site, on the stack.
const siteRoom = 64

// pseudonym computes the pseudonym. It is HMAC written out on the stack, since a
// hash.Hash keeps copies of its key that cannot be overwritten.
//
// Of an address of IPv6 the first 64 bits count: they are a household's, as an
// address of IPv4 mostly is, and what follows changes within the day.
func pseudonym(key []byte, site event.SiteID, address netip.Addr, agent []byte) event.Handle {
	var inner [sha256.BlockSize + messageSize]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:], key)
	copy(outer[:], key)
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	message := inner[sha256.BlockSize:]
	var name [siteRoom]byte
	of := sha256.Sum256(append(name[:0], site...))
	copy(message, of[:])
	where := place(address)
	copy(message[sha256.Size:], where[:])
	of = sha256.Sum256(agent)
	copy(message[sha256.Size+len(where):], of[:])
	sum := sha256.Sum256(inner[:])
	copy(outer[sha256.BlockSize:], sum[:])
	sum = sha256.Sum256(outer[:])
	p := event.Handle(sum[:len(event.Handle{})])
	clear(inner[:])
	clear(outer[:])
	clear(of[:])
	clear(where[:])
	clear(sum[:])
	return p
}

// place returns what of an address counts.
func place(address netip.Addr) [16]byte {
	address = address.Unmap().WithZone("")
	bytes := address.As16()
	if address.Is6() {
		clear(bytes[8:])
	}
	return bytes
}
