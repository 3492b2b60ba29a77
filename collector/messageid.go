package collector

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	"zgoda/collector/minimise"
	"zgoda/collector/segment"
	"zgoda/event"
)

// maxMessageID is the length from which on a messageId is refused.
const maxMessageID = 100

// messageID returns what an event is deduplicated by: the given id where it is
// plain, a keyed hash of it where it is digits alone, has other signs, or looks
// personal, and a random one where there is none. A given one points into the
// request.
func messageID(b blinder, site event.SiteID, given []byte, scratch *minimise.Buffer) (string, error) {
	switch {
	case len(given) >= maxMessageID:
		return "", &segment.FieldError{Field: "messageId", Why: "must have fewer than 100 characters"}
	case len(given) == 0:
		return randomID()
	case plainID(given) && !scratch.Personal(given):
		return textOf(given), nil
	}
	h := b.BlindOther(site, "message", given)
	return hex.EncodeToString(h[:16]), nil
}

// plainID says whether an id has only letters, digits and . _ : - and is not
// digits alone.
func plainID(id []byte) bool {
	digits := 0
	for _, c := range id {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == '.', c == '_', c == ':', c == '-':
		default:
			return false
		}
	}
	return digits < len(id)
}

// randomID returns a random UUID (RFC 9562, version 4).
func randomID() (string, error) {
	var u [16]byte
	if _, err := rand.Read(u[:]); err != nil {
		return "", fmt.Errorf("make a message id: %w", err)
	}
	u[6], u[8] = u[6]&0x0F|0x40, u[8]&0x3F|0x80
	var text [36]byte
	hex.Encode(text[:], u[:4])
	text[8] = '-'
	hex.Encode(text[9:], u[4:6])
	text[13] = '-'
	hex.Encode(text[14:], u[6:8])
	text[18] = '-'
	hex.Encode(text[19:], u[8:10])
	text[23] = '-'
	hex.Encode(text[24:], u[10:])
	return string(text[:]), nil
}
