package config

import (
	"fmt"
	"log/slog"
	"net/url"
)

// DSN is the address of a ClickHouse or a PostgreSQL, which may hold a password: it prints
// without one.
type DSN string

// Reveal returns the whole address.
func (d DSN) Reveal() string { return string(d) }

// String returns the address without user and password and parameters.
func (d DSN) String() string {
	if d == "" {
		return ""
	}
	u, err := url.Parse(string(d))
	if err != nil || u.Host == "" {
		return redacted
	}
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// GoString is String.
func (d DSN) GoString() string { return d.String() }

// Format writes String under every verb.
func (d DSN) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(d.String())) }

// LogValue is String.
func (d DSN) LogValue() slog.Value { return slog.StringValue(d.String()) }

// MarshalText is String, so that no encoder writes the password.
func (d DSN) MarshalText() ([]byte, error) { return []byte(d.String()), nil }
