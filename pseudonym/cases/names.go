package cases

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"zgoda/pseudonym/secret"
	"zgoda/pseudonym/vault"
)

// NameSize is the length of an idle name, in bytes.
const NameSize = aes.BlockSize + nameTag

const (
	nameTag  = 8
	nameLife = time.Hour
)

// names names contacts to who asks for idle ones: one block of AES-256 over the
// contact's number and the time, with a keyed hash that keeps anybody from making one
// up. It leads to nothing but a case, for an hour.
type names struct {
	block cipher.Block
	mac   [32]byte
}

func newNames(key secret.Bytes) (names, error) {
	under := func(use string) [32]byte {
		mac := hmac.New(sha256.New, key.Reveal())
		mac.Write([]byte("zgoda idle " + use))
		return [32]byte(mac.Sum(nil))
	}
	cell := under("block")
	block, err := aes.NewCipher(cell[:])
	if err != nil {
		return names{}, fmt.Errorf("key of idle names: %w", err)
	}
	return names{block: block, mac: under("tag")}, nil
}

func (n *names) of(id vault.ContactID, now time.Time) (name [NameSize]byte) {
	var plain [aes.BlockSize]byte
	binary.BigEndian.PutUint64(plain[:], uint64(id))
	binary.BigEndian.PutUint64(plain[8:], uint64(now.Unix()))
	n.block.Encrypt(name[:aes.BlockSize], plain[:])
	copy(name[aes.BlockSize:], n.tag(name[:aes.BlockSize]))
	return name
}

func (n *names) tag(cell []byte) []byte {
	mac := hmac.New(sha256.New, n.mac[:])
	mac.Write(cell)
	return mac.Sum(nil)[:nameTag]
}

// read returns whom a name names; false: it is none of ours, or too old.
func (n *names) read(name []byte, now time.Time) (vault.ContactID, bool) {
	if len(name) != NameSize || !hmac.Equal(n.tag(name[:aes.BlockSize]), name[aes.BlockSize:]) {
		return 0, false
	}
	var plain [aes.BlockSize]byte
	n.block.Decrypt(plain[:], name[:aes.BlockSize])
	made := time.Unix(int64(binary.BigEndian.Uint64(plain[8:])), 0)
	if age := now.Sub(made); age < -nameLife || age > nameLife {
		return 0, false
	}
	return vault.ContactID(binary.BigEndian.Uint64(plain[:8])), true
}

// Idle names the contacts that were not seen on a day, counted from 1970 in UTC, or
// after it: at most limit of them.
func (c *Cases) Idle(ctx context.Context, before uint32, limit int, yield func([NameSize]byte) error) error {
	now := c.Now()
	var failed error
	left := limit
	err := c.Store.Idle(ctx, before, func(id vault.ContactID) bool {
		if left == 0 {
			return false
		}
		left--
		failed = yield(c.names.of(id, now))
		return failed == nil
	})
	if failed != nil {
		return failed
	}
	return err
}
