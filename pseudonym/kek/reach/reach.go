package reach

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"zgoda/pseudonym/kek/uri"
	"zgoda/pseudonym/private"
)

// Config is what a provider is given.
type Config struct {
	URI         uri.URI
	Credentials string        // file: Vault's token, AWS's credentials, Google's service account
	PIN         string        // file: the PIN of a PKCS#11 token
	CA          string        // file of certificates to believe; empty: the system's
	Endpoint    string        // another one than the provider's usual; AWS: a URL, Google: HOST:PORT
	MayMake     bool          // make the key if there is none
	Within      time.Duration // the longest wait of one call; 0: DefaultWithin
}

// DefaultWithin is the longest wait of one call: a cloud answers in a fraction
// of it, its client's own repetitions included.
const DefaultWithin = 8 * time.Second

// Timeout returns the longest wait of one call.
func (c Config) Timeout() time.Duration {
	if c.Within <= 0 {
		return DefaultWithin
	}
	return c.Within
}

// ErrEmpty is returned for a file of a secret with nothing in it.
var ErrEmpty = errors.New("the file is empty")

// Secret reads a file of one line.
func Secret(path string) ([]byte, error) {
	content, err := private.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for len(content) > 0 && (content[len(content)-1] == '\n' || content[len(content)-1] == '\r') {
		content = content[:len(content)-1]
	}
	if len(content) == 0 {
		return nil, fmt.Errorf("%s: %w", path, ErrEmpty)
	}
	return content, nil
}

// TLS returns the settings of connections: TLS 1.2 at least, which the clouds
// still speak, and the certificates of CA alone if it is given.
func (c Config) TLS() (*tls.Config, error) {
	out := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA == "" {
		return out, nil
	}
	content, err := os.ReadFile(c.CA)
	if err != nil {
		return nil, fmt.Errorf("read the certificates to believe: %w", err)
	}
	out.RootCAs = x509.NewCertPool()
	if !out.RootCAs.AppendCertsFromPEM(content) {
		return nil, fmt.Errorf("%s has no certificate", c.CA)
	}
	return out, nil
}
