package confirm

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"

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

// newToken makes the token of a link and puts its hash into the link.
func (s *Service) newToken(l *control.Link) token {
	var t token
	_, _ = rand.Read(t[:idSize]) // never fails
	l.Hash = sha256.Sum256(t[:idSize])
	copy(t[idSize:], s.mac(t[:idSize], l))
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

// mac covers everything that a link is for.
func (s *Service) mac(id []byte, l *control.Link) []byte {
	h := hmac.New(sha256.New, s.deps.Key)
	h.Write([]byte("zgoda confirm 1\x00"))
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
func (s *Service) signed(t *token, l *control.Link) bool {
	return hmac.Equal(t[idSize:], s.mac(t[:idSize], l))
}

// form is what the page's form sends beside the cookie, so that no other page
// can send it.
func (s *Service) form(t *token) string {
	h := hmac.New(sha256.New, s.deps.Key)
	h.Write([]byte("zgoda confirm form 1\x00"))
	h.Write(t[:])
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil)[:16])
}
