package sealed

import (
	"crypto/ecdh"
	"crypto/hpke"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"

	"zgoda/event"
	"zgoda/pseudonym/secret"
)

const (
	// MaxIdentifiers is how many identifiers one blob holds at most.
	MaxIdentifiers = 16
	// MaxBlob is the greatest length of a blob, in bytes.
	MaxBlob = sealedOverhead + headSize + MaxIdentifiers*(cellSize+hashSize)
	// KeySize is the length of a public key, in bytes.
	KeySize = 32

	sealedOverhead = 32 + 16 // the encapsulated key, and the tag
	headSize       = 1 + 4 + 1
	hashSize       = len(event.Blinded{})
	cellSize       = 1 + 1 + hashSize
	version        = 1
	flagMint       = 1
	flagOld        = 2 // the hash under the gateway key before follows
	redacted       = "[redacted]"
)

// info ties what is sealed to this use.
var info = []byte("zgoda later 1")

// Identifier is one blinded identifier. It prints as [redacted].
type Identifier struct {
	H1   event.Blinded
	Old  event.Blinded // of a contact, while two gateway keys are live: under the one before; else zero
	Kind event.IdentifierKind
	Mint bool // the contact may be made: the caller was entitled to it
}

// Format writes "[redacted]" under every verb.
func (Identifier) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Identifier) LogValue() slog.Value { return slog.StringValue(redacted) }

// Identifiers are those of one event, in order.
type Identifiers struct {
	Gate uint32 // version of K_gate that H1 of contacts is under
	List []Identifier
}

// The errors of this package. None says anything of what was sealed.
var (
	ErrKey   = errors.New("sealed: not a key")
	ErrCount = errors.New("sealed: an event has 1 to 16 identifiers")
	ErrBlob  = errors.New("sealed: damaged, or sealed to another key")
)

// Public returns the public key of a seed, as gateways are given it.
func Public(seed secret.Bytes) ([]byte, error) {
	k, err := private(seed)
	if err != nil {
		return nil, err
	}
	return k.PublicKey().Bytes(), nil
}

// private derives the private key of a seed of 32 random bytes.
func private(seed secret.Bytes) (hpke.PrivateKey, error) {
	raw := seed.Reveal()
	if len(raw) != KeySize {
		return nil, ErrKey
	}
	k, err := hpke.DHKEM(ecdh.X25519()).DeriveKeyPair(raw)
	if err != nil {
		return nil, ErrKey
	}
	return k, nil
}

// Seal appends the sealed identifiers to dst. What was sealed under a public key
// cannot be opened with it.
func Seal(dst, public []byte, ids Identifiers) ([]byte, error) {
	if len(ids.List) == 0 || len(ids.List) > MaxIdentifiers {
		return dst, ErrCount
	}
	key, err := hpke.DHKEM(ecdh.X25519()).NewPublicKey(public)
	if err != nil {
		return dst, ErrKey
	}
	plain := make([]byte, 0, MaxBlob)
	plain = append(plain, version)
	plain = binary.BigEndian.AppendUint32(plain, ids.Gate)
	plain = append(plain, byte(len(ids.List)))
	for i := range ids.List {
		id, flags := &ids.List[i], byte(0)
		if id.Mint {
			flags |= flagMint
		}
		if !id.Old.IsZero() {
			flags |= flagOld
		}
		plain = append(plain, byte(id.Kind), flags)
		plain = append(plain, id.H1[:]...)
		if flags&flagOld != 0 {
			plain = append(plain, id.Old[:]...)
		}
	}
	blob, err := hpke.Seal(key, hpke.HKDFSHA256(), hpke.AES256GCM(), info, plain)
	clear(plain)
	if err != nil {
		return dst, fmt.Errorf("seal identifiers: %w", err)
	}
	return append(dst, blob...), nil
}

// Opener opens what was sealed to any of some keys. It is safe for concurrent
// use, and prints as [redacted].
type Opener struct{ keys []hpke.PrivateKey }

// NewOpener makes an Opener of seeds of 32 bytes, the likeliest first.
func NewOpener(seeds ...secret.Bytes) (*Opener, error) {
	o := &Opener{}
	for _, seed := range seeds {
		k, err := private(seed)
		if err != nil {
			return nil, err
		}
		o.keys = append(o.keys, k)
	}
	return o, nil
}

// Format writes "[redacted]" under every verb.
func (*Opener) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (*Opener) LogValue() slog.Value { return slog.StringValue(redacted) }

// Open returns the identifiers of a blob, or ErrBlob.
func (o *Opener) Open(blob []byte) (Identifiers, error) {
	if len(blob) > MaxBlob {
		return Identifiers{}, ErrBlob
	}
	for _, k := range o.keys {
		plain, err := hpke.Open(k, hpke.HKDFSHA256(), hpke.AES256GCM(), info, blob)
		if err != nil {
			continue
		}
		ids, err := read(plain)
		clear(plain)
		return ids, err
	}
	return Identifiers{}, ErrBlob
}

// read reads what Seal wrote, and nothing else.
func read(plain []byte) (Identifiers, error) {
	if len(plain) < headSize || plain[0] != version {
		return Identifiers{}, ErrBlob
	}
	n := int(plain[5])
	if n == 0 || n > MaxIdentifiers {
		return Identifiers{}, ErrBlob
	}
	ids := Identifiers{Gate: binary.BigEndian.Uint32(plain[1:]), List: make([]Identifier, n)}
	rest := plain[headSize:]
	for i := range ids.List {
		var ok bool
		if rest, ok = readCell(rest, &ids.List[i]); !ok {
			return Identifiers{}, ErrBlob
		}
	}
	if len(rest) > 0 {
		return Identifiers{}, ErrBlob
	}
	return ids, nil
}

// readCell reads one identifier and returns what follows it.
func readCell(b []byte, id *Identifier) (rest []byte, ok bool) {
	if len(b) < cellSize {
		return nil, false
	}
	flags := b[1]
	id.Kind, id.Mint = event.IdentifierKind(b[0]), flags&flagMint != 0
	copy(id.H1[:], b[2:])
	rest = b[cellSize:]
	if flags&flagOld != 0 {
		if len(rest) < hashSize {
			return nil, false
		}
		rest = rest[copy(id.Old[:], rest):]
	}
	ok = id.Kind >= event.KindVisitor && id.Kind <= event.KindCustomerID && flags&^(flagMint|flagOld) == 0 &&
		!id.H1.IsZero() && id.Old.IsZero() == (flags&flagOld == 0)
	return rest, ok
}
