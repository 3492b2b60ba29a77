package confirm

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"strings"

	"zgoda/control"
)

// A token is what a link carries: 16 random bytes and the MAC over them and over
// everything that the link is for. docs/decisions/0030 has the layout.
const (
	idSize    = 16
	tokenSize = idSize + sha256.Size
	tokenText = tokenSize / 3 * 4 // base64url, no padding
)

type token [tokenSize]byte

// confirmLabel parts the links that confirm a consent from those that prove who asks:
// one is never good for the other.
const confirmLabel = "zgoda confirm 1"

// newToken makes the token of a link and puts its hash into the link.
func newToken(key []byte, label string, l *control.Link) token {
	var t token
	_, _ = rand.Read(t[:idSize]) // never fails
	l.Hash = sha256.Sum256(t[:idSize])
	copy(t[idSize:], macOf(key, label, t[:idSize], l))
	return t
}

func (t token) text() string { return base64.RawURLEncoding.EncodeToString(t[:]) }

// parseToken reads a token; what has not the shape of one is the zero token,
// which no link has.
func parseToken(text []byte) (t token) {
	if len(text) == tokenText {
		// What cannot be read leaves a token that belongs to no link.
		_, _ = base64.RawURLEncoding.Strict().Decode(t[:], text)
	}
	return t
}

func (t *token) hash() [32]byte { return sha256.Sum256(t[:idSize]) }

// macOf covers everything that a link is for.
func macOf(key []byte, label string, id []byte, l *control.Link) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(label + "\x00"))
	h.Write(id)
	for _, field := range []string{string(l.Site), string(l.Subject[:]), l.Terms, l.Locale, l.Surface} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(field))) // a hash never fails
		h.Write([]byte(field))
	}
	for _, at := range []int64{int64(l.Requested), l.Created.UnixMicro(), l.Expires.UnixMicro()} {
		_ = binary.Write(h, binary.BigEndian, at)
	}
	return h.Sum(nil)
}

// signed says whether the token's MAC is the link's, in the same time for all.
func (t *token) signed(key []byte, label string, l *control.Link) bool {
	return hmac.Equal(t[idSize:], macOf(key, label, t[:idSize], l))
}

// formOf is what a page's form sends beside the cookie, so that no other page can send
// it. It is under a name of its own.
func formOf(key []byte, label string, t *token) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(strings.TrimSuffix(label, " 1") + " form 1\x00"))
	h.Write(t[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
