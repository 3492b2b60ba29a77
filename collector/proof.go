package collector

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// proven says whether proof is the HMAC-SHA-256 of userID under the site's
// secret, in hexadecimal. Its time depends on the lengths only.
func proven(secret Secret, userID, proof []byte) bool {
	if len(secret) == 0 || len(userID) == 0 || len(proof) != hex.EncodedLen(sha256.Size) {
		return false
	}
	var given [sha256.Size]byte
	if _, err := hex.Decode(given[:], proof); err != nil {
		return false
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(userID)
	return hmac.Equal(mac.Sum(nil), given[:])
}

// Proven says whether proof is that of userID for this site: whoever has it may
// speak for that contact.
func (s *Site) Proven(userID, proof []byte) bool { return proven(s.Secret, userID, proof) }
