package config

import (
	"fmt"
	"path/filepath"
	"time"
)

// Mail is the mail server through which links to confirm consents are sent.
// Without a host no mail is sent and there is no double opt-in.
type Mail struct {
	Host         string `yaml:"host,omitempty"`
	Port         int    `yaml:"port,omitempty"` // 587 for starttls, 465 for tls, 25 for none
	TLS          string `yaml:"tls,omitempty"`  // starttls (also when left out), tls, or none on loopback
	User         string `yaml:"user,omitempty"`
	PasswordFile string `yaml:"password_file,omitempty"` // 0600
	From         string `yaml:"from,omitempty"`
	Timeout      string `yaml:"timeout,omitempty"` // 15s when left out
	// Links is where people reach the public listener: https://host.
	Links string `yaml:"links,omitempty"`
	// LinkLife is how long a link works; 48h when left out.
	LinkLife string `yaml:"link_life,omitempty"`

	dir string // a relative password file is looked for here
}

// minPassword is the shortest password of a mail server that is taken for one.
const minPassword = 8

// Password reads the password; zero when there is no file for it.
func (m Mail) Password() (Secret, error) {
	if m.PasswordFile == "" {
		return Secret{}, nil
	}
	path := m.PasswordFile
	if !filepath.IsAbs(path) {
		path = filepath.Join(m.dir, path)
	}
	s, err := readSecret(path, minPassword)
	if err != nil {
		return Secret{}, fmt.Errorf("mail.password_file: %w", err)
	}
	return s, nil
}

// mail checks what the file says; what mail and links themselves demand is
// checked where they are made.
func (v *checker) mail(m *Mail) {
	empty := *m
	empty.dir = ""
	if m.Host == "" && empty != (Mail{}) {
		v.fail("mail.host", "must name the mail server")
	}
	for _, d := range []struct{ key, text string }{{"timeout", m.Timeout}, {"link_life", m.LinkLife}} {
		if _, err := time.ParseDuration(d.text); d.text != "" && err != nil {
			v.fail("mail."+d.key, "must be a time such as 15s or 48h")
		}
	}
}
