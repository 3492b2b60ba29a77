package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// Ledger says how the consent ledger proves that it was not altered.
type Ledger struct {
	// Name is that of the installation in its checkpoints, for example
	// example.org/zgoda; "zgoda" when left out. It must stay the same.
	Name string `yaml:"name,omitempty"`
	// CheckpointEntries and CheckpointEvery: a checkpoint is signed once so many
	// entries are not covered by one, 1000 when left out, or once any is not for so
	// long, 10m when left out.
	CheckpointEntries uint64  `yaml:"checkpoint_entries,omitempty"`
	CheckpointEvery   string  `yaml:"checkpoint_every,omitempty"`
	Anchors           Anchors `yaml:"anchors,omitempty"`
}

// Anchors are the places outside where checkpoints are kept.
type Anchors struct {
	File      string `yaml:"file,omitempty"`       // a file they are appended to, by an absolute path
	Log       string `yaml:"log,omitempty"`        // an https URL they are posted to
	Mail      string `yaml:"mail,omitempty"`       // an address they are sent to
	MailEvery string `yaml:"mail_every,omitempty"` // at most one mail in so long, 24h when left out
}

// InstallationName returns the name in checkpoints.
func (l Ledger) InstallationName() string { return cmp.Or(l.Name, "zgoda") }

// Checkpoints returns after how many entries and after how long a checkpoint is
// made.
func (l Ledger) Checkpoints() (entries uint64, every time.Duration, err error) {
	if every, err = duration(l.CheckpointEvery, 10*time.Minute); err != nil {
		return 0, 0, fmt.Errorf("ledger.checkpoint_every: %w", err)
	}
	return cmp.Or(l.CheckpointEntries, 1000), every, nil
}

// MailPause returns the shortest time between two mails.
func (l Ledger) MailPause() (time.Duration, error) {
	d, err := duration(l.Anchors.MailEvery, 24*time.Hour)
	if err != nil {
		return 0, fmt.Errorf("ledger.anchors.mail_every: %w", err)
	}
	return d, nil
}

func duration(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < time.Second || d > 366*24*time.Hour {
		return 0, errors.New("must be a time such as 90s, 10m or 24h")
	}
	return d, nil
}

var installation = regexp.MustCompile(`^[a-z0-9./-]{1,100}$`)

func logURL(address string) bool {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" {
		return false
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return u.Scheme == "https" || u.Scheme == "http" && err == nil && ip.IsLoopback()
}

func (v *checker) ledger(l *Ledger) {
	if !installation.MatchString(l.InstallationName()) {
		v.fail("ledger.name", "must be 1 to 100 of a-z, 0-9, '.', '-' and '/', for example example.org/zgoda")
	}
	if _, _, err := l.Checkpoints(); err != nil {
		v.errs = append(v.errs, err)
	}
	if _, err := l.MailPause(); err != nil {
		v.errs = append(v.errs, err)
	}
	a := &l.Anchors
	if a.File != "" && !filepath.IsAbs(a.File) {
		v.fail("ledger.anchors.file", "must be an absolute path")
	}
	if a.Log != "" && !logURL(a.Log) {
		v.fail("ledger.anchors.log", "must be an https URL (http on loopback only) without a user")
	}
	if at := strings.IndexByte(a.Mail, '@'); a.Mail != "" && (at < 1 || at == len(a.Mail)-1 || strings.ContainsAny(a.Mail, " <>\r\n,;")) {
		v.fail("ledger.anchors.mail", "must be one mail address")
	}
}
