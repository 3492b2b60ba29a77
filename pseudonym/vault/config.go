package vault

import "errors"

// Config says where the vault is.
type Config struct {
	Path string // the SQLite file, in a folder for its owner alone
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	if c.Path == "" {
		return errors.New("vault.path: missing")
	}
	return nil
}

// Sealer seals under the slot key. A tink.AEAD is one.
type Sealer interface {
	Encrypt(plaintext, associatedData []byte) ([]byte, error)
	Decrypt(ciphertext, associatedData []byte) ([]byte, error)
}
