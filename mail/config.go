package mail

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/mail"
	"net/netip"
	"time"
)

const redacted = "[redacted]"

// Secret is the password of the mail server. It prints as [redacted].
type Secret []byte

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// TLS says how the way to the server is protected.
type TLS string

// The ways. There is none that goes on in clear when the server offers no TLS.
const (
	TLSStart    TLS = "starttls" // begins in clear and must be upgraded (RFC 3207)
	TLSImplicit TLS = "tls"      // from the first byte on (RFC 8314)
	TLSNone     TLS = "none"     // in clear; for a server on loopback only
)

// port is the usual one of each way.
func (t TLS) port() int {
	switch t {
	case TLSImplicit:
		return 465
	case TLSNone:
		return 25
	default:
		return 587
	}
}

// Config says where mail goes and who sends it.
type Config struct {
	Host string
	Port int // 0: 587 for starttls, 465 for tls, 25 for none
	TLS  TLS
	// User and Password log in to the server; without a user nobody logs in.
	User     string
	Password Secret
	// From is the address that mail comes from.
	From string
	// Timeout bounds one message as a whole, the connection included.
	Timeout time.Duration
	// Roots are who may sign the server's certificate; nil: whom the system trusts.
	Roots *x509.CertPool
}

// DefaultConfig returns the settings without a server: that has to be given.
func DefaultConfig() Config { return Config{TLS: TLSStart, Timeout: 15 * time.Second} }

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	bad := func(key, why string) { errs = append(errs, fmt.Errorf("mail.%s: %s", key, why)) }
	if c.Host == "" {
		bad("host", "must name the mail server")
	}
	if c.Port < 0 || c.Port > 65535 {
		bad("port", "must be from 1 to 65535")
	}
	switch c.TLS {
	case TLSStart, TLSImplicit:
	case TLSNone:
		if !loopback(c.Host) {
			bad("tls", "none is for a server on loopback: addresses and links would travel in clear")
		}
	default:
		bad("tls", "must be starttls, tls or none")
	}
	if (c.User == "") != (len(c.Password) == 0) {
		bad("user", "comes with password_file, and only so")
	}
	if a, err := mail.ParseAddress(c.From); err != nil || a.Name != "" || a.Address != c.From {
		bad("from", "must be an address alone, such as consent@shop.example")
	}
	if c.Timeout < time.Second || c.Timeout > time.Minute {
		bad("timeout", "must be from 1s to 1m")
	}
	return errors.Join(errs...)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// port is the one to dial.
func (c Config) port() int {
	if c.Port == 0 {
		return c.TLS.port()
	}
	return c.Port
}
