package config

import (
	"zgoda/pseudonym/kek/uri"
)

// KEK says where the key-encryption key is, under which the keyholder that zgoda
// up starts keeps its keys.
type KEK struct {
	URI string `yaml:"uri,omitempty"` // file: when left out

	// The others are for a key that zgoda-kek reaches.
	Credentials string `yaml:"credentials,omitempty"` // file of mode 0600
	PINFile     string `yaml:"pin_file,omitempty"`    // of a PKCS#11 token, mode 0600
	CA          string `yaml:"ca,omitempty"`          // file of certificates to believe
	Endpoint    string `yaml:"endpoint,omitempty"`    // AWS: a URL, Google: HOST:PORT
	Make        bool   `yaml:"make,omitempty"`        // make the key if there is none
}

func (v *checker) kek(k *KEK) {
	u, err := uri.Parse(k.URI)
	if err != nil {
		v.fail("kek.uri", "%w", err)
		return
	}
	if !u.Helped() && (k.Credentials != "" || k.CA != "" || k.Endpoint != "") {
		v.fail("kek", "file: and passphrase: have no credentials, certificates or endpoint")
	}
	if (u.Scheme == uri.PKCS11) != (k.PINFile != "") {
		v.fail("kek.pin_file", "goes with pkcs11:, and is needed there")
	}
	if u.Scheme == uri.Transit && k.Credentials == "" {
		v.fail("kek.credentials", "must be a file with Vault's token")
	}
	if u.Scheme == uri.PKCS11 && (k.Credentials != "" || k.CA != "" || k.Endpoint != "") {
		v.fail("kek", "pkcs11: has only pin_file and make")
	}
	if k.Endpoint != "" && u.Scheme == uri.Transit {
		v.fail("kek.endpoint", "is in the URI of hcvault:")
	}
	if k.Make && u.Scheme != uri.Transit && u.Scheme != uri.PKCS11 {
		v.fail("kek.make", "is for hcvault: and pkcs11:")
	}
}

// KEKFiles returns the key-encryption key's settings with the paths of its files
// beside the configuration's own file unless absolute.
func (c Config) KEKFiles() KEK {
	k := c.KEK
	k.Credentials, k.PINFile, k.CA = c.beside(k.Credentials), c.beside(k.PINFile), c.beside(k.CA)
	return k
}
