package config

import (
	"errors"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
)

// nodeName is what a writer of the ledger may be called.
var nodeName = regexp.MustCompile(`^[a-z0-9-]{1,32}$`)

// ControlAddress returns the address of the control store's PostgreSQL with its
// password, which is read from its file if there is one; "" stands for the file
// in the data folder.
func (c Config) ControlAddress() (string, error) {
	if c.Control == "" || c.ControlPasswordFile == "" {
		return c.Control.Reveal(), nil
	}
	u, err := url.Parse(c.Control.Reveal())
	if err != nil {
		return "", errors.New("control: must be postgres://user@host:port/database")
	}
	path := c.ControlPasswordFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.dir, path)
	}
	password, err := ReadSecret(path)
	if err != nil {
		return "", errors.Join(errors.New("control_password_file"), err)
	}
	u.User = url.UserPassword(u.User.Username(), string(password.Reveal()))
	return u.String(), nil
}

func (v *checker) control(c *Config) {
	if c.Node != "" && !nodeName.MatchString(c.Node) {
		v.fail("node", "must be 1 to 32 of a-z, 0-9 and -")
	}
	if c.Control == "" {
		if c.ControlPasswordFile != "" {
			v.fail("control_password_file", "is for control, which is not set")
		}
		return
	}
	u, err := url.Parse(c.Control.Reveal())
	if err != nil || !slices.Contains([]string{"postgres", "postgresql"}, u.Scheme) || (u.Host == "" && !u.Query().Has("host")) {
		v.fail("control", "must be postgres://user@host:port/database")
		return
	}
	if c.ControlPasswordFile != "" && holdsPassword(u) {
		v.fail("control_password_file", "control holds a password already")
	}
}

// holdsPassword says whether an address holds a password, in either place.
func holdsPassword(u *url.URL) bool {
	_, has := u.User.Password()
	return has || u.Query().Has("password")
}

// controlEnvironment reads the variables of the control store.
func (c *Config) controlEnvironment(get func(name string) string) error {
	if text := get("CONTROL"); text != "" {
		if u, err := url.Parse(text); err == nil && holdsPassword(u) {
			return errors.New("ZGODA_CONTROL: holds a password, which other processes could read; give it in the file, or its file by control_password_file")
		}
		c.Control = DSN(text)
	}
	if text := get("CONTROL_PASSWORD_FILE"); text != "" {
		c.ControlPasswordFile = text
	}
	if text := get("NODE"); text != "" {
		c.Node = text
	}
	return nil
}
