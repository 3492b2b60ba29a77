package activity

import (
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// Config says how to reach ClickHouse.
type Config struct {
	DSN      string // clickhouse://user:password@host:9000/database; instead of the rest
	Address  string // host:port of the native protocol
	Database string
	User     string
	Password string

	DialTimeout    time.Duration
	QueryTimeout   time.Duration // of inserts and reads by the writer
	MaxConnections int
}

// DefaultConfig returns the settings for the embedded engine but for its address
// and its user.
func DefaultConfig() Config {
	return Config{Database: "zgoda", DialTimeout: 5 * time.Second, QueryTimeout: 60 * time.Second, MaxConnections: 4}
}

// Validate names every key that is wrong.
func (c Config) Validate() error {
	var errs []error
	if (c.DSN == "") == (c.Address == "") {
		errs = append(errs, errors.New("clickhouse: exactly one of dsn and address must be given"))
	}
	if c.DSN == "" && !validName(c.Database) {
		errs = append(errs, errors.New("clickhouse: database must be letters, digits and _"))
	}
	if c.DialTimeout <= 0 || c.QueryTimeout <= 0 {
		errs = append(errs, errors.New("clickhouse: dial_timeout and query_timeout must be positive"))
	}
	if c.MaxConnections < 1 {
		errs = append(errs, errors.New("clickhouse: max_connections must be at least 1"))
	}
	return errors.Join(errs...)
}

// validName accepts what needs no quoting in SQL.
func validName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
			return false
		}
	}
	return true
}

// Format writes the address and the user only: a DSN and a password are secret.
func (c Config) Format(f fmt.State, _ rune) {
	_, _ = fmt.Fprintf(f, "clickhouse %s@%s/%s", c.User, c.Address, c.Database)
}

// LogValue is Format for logs.
func (c Config) LogValue() slog.Value { return slog.StringValue(fmt.Sprint(c)) }

// MarshalText is Format for encoders.
func (c Config) MarshalText() ([]byte, error) { return []byte(fmt.Sprint(c)), nil }
