package vault

import (
	"errors"
	"time"

	"github.com/tink-crypto/tink-go/v2/tink"
)

// Config says where the vault is.
type Config struct {
	// Path of the SQLite file, in a folder for its owner alone.
	Path string
	// Address of a PostgreSQL database that several keyholders share; then there is
	// no file. It is not printed.
	Address string
	// Password for Address, where it is not a server's socket that tells who calls.
	Password []byte
	// Lock keeps salts out of swap, as far as the system allows it.
	Lock bool
	// Now tells the day on which contacts are seen; nil: time.Now.
	Now func() time.Time
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	switch {
	case c.Path == "" && c.Address == "":
		return errors.New("vault.path: missing")
	case c.Path != "" && c.Address != "":
		return errors.New("vault.address: there is a vault.path already")
	case c.Address == "" && len(c.Password) > 0:
		return errors.New("vault.password: there is no vault.address")
	}
	return nil
}

// Sealer seals under the slot key. A tink.AEAD is one.
type Sealer = tink.AEAD

// firstSlot is the version of the slot key that every vault began with.
const firstSlot = 1

// one is a slot key that was never rotated.
type one struct{ sealer Sealer }

// One returns the slot key of a vault as its first and only version.
func One(sealer Sealer) Slots { return one{sealer} }

// Current returns the first version.
func (one) Current() uint32 { return firstSlot }

// Seal seals under the first version.
func (o one) Seal(version uint32, plain, bind []byte) ([]byte, error) {
	if version != firstSlot {
		return nil, errSlot
	}
	return o.sealer.Encrypt(plain, bind)
}

// Open opens what was sealed under the first version.
func (o one) Open(version uint32, sealed, bind []byte) ([]byte, error) {
	if version != firstSlot {
		return nil, errSlot
	}
	return o.sealer.Decrypt(sealed, bind)
}

var errSlot = errors.New("no such version of the slot key")
