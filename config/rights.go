package config

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"
	_ "time/tzdata" // machines without a list of zones count calendars all the same

	"zgoda/consent"
)

// Rights says how requests of data subjects are handled.
type Rights struct {
	// Limit is how long an erasure may take from being accepted to its rows being
	// gone, 1h when left out; what takes longer is told as late.
	Limit string `yaml:"limit,omitempty"`
	// Undo is how long an accepted erasure may be taken back; 0s, also when left out:
	// not at all.
	Undo string `yaml:"undo,omitempty"`
	// Gather is how long erasures gather while others are under way; 1m when left
	// out. Batch is how many go at once at most; 10000 when left out.
	Gather string `yaml:"gather,omitempty"`
	Batch  int    `yaml:"batch,omitempty"`
	// Reviewers is how many others have to approve a request; 0: nobody.
	Reviewers int `yaml:"reviewers,omitempty"`
	// Zone is where deadlines are counted, for example Europe/Bratislava; UTC when
	// left out.
	Zone string `yaml:"zone,omitempty"`
	// BackupsKeep is how long backups of any part are kept; 35d when left out.
	BackupsKeep string `yaml:"backups_keep,omitempty"`
	// Systems hold personal data outside of this product: somebody does there what a
	// request asks for, and signs it off.
	Systems []RightsSystem `yaml:"systems,omitempty"`
	// Recipients were given personal data, and are told (GDPR Art. 19).
	Recipients []RightsRecipient `yaml:"recipients,omitempty"`
	// Hosts are those that notices, uploads and callbacks may go to.
	Hosts []string `yaml:"hosts,omitempty"`

	dir string // relative files are looked for here
}

// RightsSystem is a system outside of this product.
type RightsSystem struct {
	Name   string   `yaml:"name"`
	Rights []string `yaml:"rights"`
}

// RightsRecipient is one who was given personal data.
type RightsRecipient struct {
	Name        string   `yaml:"name"`
	URL         string   `yaml:"url"`
	SecretFile  string   `yaml:"secret_file"` // 0600; what notices are signed with
	Identifiers []string `yaml:"identifiers"` // the kinds that it knows people by
	Purposes    []string `yaml:"purposes,omitempty"`
	Rights      []string `yaml:"rights"`
}

// OpenDSR says how other systems hand over requests by OpenDSR 2.0. Without a
// domain it is not served.
type OpenDSR struct {
	Domain      string              `yaml:"domain,omitempty"`
	Certificate string              `yaml:"certificate,omitempty"` // PEM
	Key         string              `yaml:"key,omitempty"`         // PEM, 0600
	Controllers []OpenDSRController `yaml:"controllers,omitempty"`

	dir string // relative files are looked for here
}

// OpenDSRController is a controller that may ask, and the site that it asks about.
type OpenDSRController struct {
	ID   string `yaml:"id"`
	Site string `yaml:"site"`
}

// What becomes of rows that a person does not want to be used as before.
const (
	HistoryErase     = "erase"
	HistoryAnonymise = "anonymise"
	HistoryKeep      = "keep"
)

// The bounds of settings.
const (
	maxEraseBatch = 10_000
	maxReviewers  = 5
	maxBackupDays = 6 * 31
)

// TimeLimit returns how long an erasure may take. The configuration must be valid,
// as for the methods below.
func (r *Rights) TimeLimit() time.Duration { return timeOr(r.Limit, time.Hour) }

// UndoTime returns how long an accepted erasure may be taken back.
func (r *Rights) UndoTime() time.Duration { return timeOr(r.Undo, 0) }

// GatherTime returns how long erasures gather.
func (r *Rights) GatherTime() time.Duration { return timeOr(r.Gather, time.Minute) }

// BatchSize returns how many erasures go at once at most.
func (r *Rights) BatchSize() int { return cmp.Or(r.Batch, maxEraseBatch) }

// Location returns where deadlines are counted.
func (r *Rights) Location() *time.Location {
	zone, err := time.LoadLocation(r.Zone)
	if err != nil {
		return time.UTC // Validate has said so
	}
	return zone
}

// BackupsKept returns how long backups are kept.
func (r *Rights) BackupsKept() consent.Retention {
	keep, err := ParseRetention(cmp.Or(r.BackupsKeep, "35d"))
	if err != nil {
		return consent.Retention{Days: 35} // Validate has said so
	}
	return keep
}

// Secrets reads what notices are signed with, by the recipient's name.
func (r *Rights) Secrets() (map[string]Secret, error) {
	all := make(map[string]Secret, len(r.Recipients))
	for i := range r.Recipients {
		s, err := ReadSecret(beside(r.dir, r.Recipients[i].SecretFile))
		if err != nil {
			return nil, fmt.Errorf("rights.recipients[%d].secret_file: %w", i, err)
		}
		all[r.Recipients[i].Name] = s
	}
	return all, nil
}

// Files returns where the certificate and its key are.
func (o *OpenDSR) Files() (certificate, key string) {
	return beside(o.dir, o.Certificate), beside(o.dir, o.Key)
}

// History returns what becomes of a person's rows once profiling is switched off.
func (s *SiteConfig) History() string { return cmp.Or(s.ProfilingOffHistory, HistoryErase) }

// Withdrawn returns what becomes of rows that rest on the purpose once it is
// withdrawn.
func (p *PurposeConfig) Withdrawn() string { return cmp.Or(p.OnWithdrawal, HistoryErase) }

func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

func timeOr(text string, otherwise time.Duration) time.Duration {
	d, err := rightsTime(text, otherwise)
	if err != nil {
		return otherwise // Validate has said so
	}
	return d
}

func rightsTime(text string, otherwise time.Duration) (time.Duration, error) {
	if text == "" {
		return otherwise, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 || d > 30*24*time.Hour {
		return 0, errors.New("must be a time such as 90s, 10m or 24h, at most 720h")
	}
	return d, nil
}
