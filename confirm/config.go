package confirm

import (
	"errors"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config bounds the links.
type Config struct {
	// Links is where people reach the public listener, scheme://host[:port]. It is
	// https, but on loopback.
	Links string
	// Life is how long a link works.
	Life time.Duration
	// PerContact is how many mails one contact of a site gets in an hour; PerMinute
	// how many all contacts of a site get in a minute from this node.
	PerContact, PerMinute int
}

// DefaultConfig returns the settings without an address, which has to be given.
func DefaultConfig() Config {
	return Config{Life: 48 * time.Hour, PerContact: 3, PerMinute: 60}
}

// Validate says what is wrong, by key.
func (c Config) Validate() error {
	var errs []error
	u, err := url.Parse(c.Links)
	if err != nil || u.Host == "" || u.Scheme+"://"+u.Host != strings.TrimSuffix(c.Links, "/") ||
		(u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname()))) {
		errs = append(errs, errors.New("mail.links: must be https://host, the address of the public listener for people"))
	}
	if c.Life < time.Minute || c.Life > 30*24*time.Hour {
		errs = append(errs, errors.New("mail.link_life: must be from 1m to 720h"))
	}
	if c.PerContact < 1 || c.PerMinute < 1 {
		errs = append(errs, errors.New("mail: the limits of mails must be above zero"))
	}
	return errors.Join(errs...)
}

func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}
