package config

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// goodRights is a configuration that says everything about rights.
func goodRights() Config {
	c := DefaultConfig()
	c.Sites = []SiteConfig{Demo()}
	c.Sites[0].ProfilingOffHistory, c.Sites[0].Purposes[1].OnWithdrawal = HistoryKeep, HistoryAnonymise
	c.Rights = Rights{
		Limit: "2h", Undo: "24h", Gather: "30s", Batch: 500, Reviewers: 2, Zone: "Europe/Bratislava", BackupsKeep: "2mo",
		Systems: []RightsSystem{{Name: "paper", Rights: []string{"erasure", "access"}}},
		Recipients: []RightsRecipient{{
			Name: "mailer", URL: "https://mailer.example/hook", SecretFile: "mailer.secret", Identifiers: []string{"email", "phone"},
			Purposes: []string{c.Sites[0].Purposes[1].ID}, Rights: []string{"erasure"},
		}},
		Hosts: []string{"mailer.example", "mailer.example:8443", "127.0.0.1:9000", "::1"},
	}
	c.OpenDSR = OpenDSR{Domain: "dsr.example", Certificate: "f.pem", Key: "/k.pem", Controllers: []OpenDSRController{{ID: "acme", Site: c.Sites[0].ID}}}
	return c
}

// TestRights: what is left out has its default, and what is wrong is named by key.
func TestRights(t *testing.T) {
	c := goodRights()
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	r := &c.Rights
	if r.TimeLimit() != 2*time.Hour || r.UndoTime() != 24*time.Hour || r.GatherTime() != 30*time.Second || r.BatchSize() != 500 ||
		r.Location().String() != "Europe/Bratislava" || r.BackupsKept().Months != 2 {
		t.Errorf("%+v", r)
	}
	r = &Rights{}
	if r.TimeLimit() != time.Hour || r.UndoTime() != 0 || r.GatherTime() != time.Minute || r.BatchSize() != 10_000 || r.Location() != time.UTC || r.BackupsKept().Days != 35 {
		t.Errorf("the defaults: %+v", r)
	}
	if s := Demo(); s.History() != HistoryErase || s.Purposes[0].Withdrawn() != HistoryErase || c.Sites[0].History() != HistoryKeep || c.Sites[0].Purposes[1].Withdrawn() != HistoryAnonymise {
		t.Error("what becomes of rows")
	}
	for key, change := range map[string]func(*Config){
		"rights.limit":                        func(c *Config) { c.Rights.Limit = "1s" },
		"rights.undo":                         func(c *Config) { c.Rights.Undo = "35d" },
		"rights.gather":                       func(c *Config) { c.Rights.Gather = "0s" },
		"rights.batch":                        func(c *Config) { c.Rights.Batch = 10_001 },
		"rights.reviewers":                    func(c *Config) { c.Rights.Reviewers = -1 },
		"rights.zone":                         func(c *Config) { c.Rights.Zone = "Bratislava" },
		"rights.zone: must":                   func(c *Config) { c.Rights.Zone = "Local" },
		"rights.backups_keep":                 func(c *Config) { c.Rights.BackupsKeep = "24h" },
		"rights.backups_keep: must":           func(c *Config) { c.Rights.BackupsKeep = "7mo" },
		"rights.hosts[1]":                     func(c *Config) { c.Rights.Hosts[1] = "https://mailer.example" },
		"rights.systems[0].name":              func(c *Config) { c.Rights.Systems[0].Name = "Paper" },
		"rights.systems[0].rights":            func(c *Config) { c.Rights.Systems[0].Rights = nil },
		"rights.systems[0].rights[1]":         func(c *Config) { c.Rights.Systems[0].Rights[1] = "flying" },
		"rights.recipients[0].name":           func(c *Config) { c.Rights.Recipients[0].Name = "paper" },
		"rights.recipients[0].url":            func(c *Config) { c.Rights.Recipients[0].URL = "http://mailer.example" },
		"rights.recipients[0].secret_file":    func(c *Config) { c.Rights.Recipients[0].SecretFile = "" },
		"rights.recipients[0].identifiers":    func(c *Config) { c.Rights.Recipients[0].Identifiers = nil },
		"rights.recipients[0].identifiers[1]": func(c *Config) { c.Rights.Recipients[0].Identifiers[1] = "fax" },
		"rights.recipients[0].purposes[0]":    func(c *Config) { c.Rights.Recipients[0].Purposes[0] = "nothing" },
		"rights.recipients[0].rights[0]":      func(c *Config) { c.Rights.Recipients[0].Rights[0] = "flying" },
		"opendsr.domain":                      func(c *Config) { c.OpenDSR.Domain = "" },
		"opendsr.domain: must":                func(c *Config) { c.OpenDSR.Domain = "https://dsr.example" },
		"opendsr.certificate":                 func(c *Config) { c.OpenDSR.Key = "" },
		"opendsr.controllers[0].id":           func(c *Config) { c.OpenDSR.Controllers[0].ID = "" },
		"opendsr.controllers[0].site":         func(c *Config) { c.OpenDSR.Controllers[0].Site = "other" },
		"sites[0].profiling_off_history":      func(c *Config) { c.Sites[0].ProfilingOffHistory = "forget" },
		"sites[0].purposes[1].on_withdrawal":  func(c *Config) { c.Sites[0].Purposes[1].OnWithdrawal = HistoryKeep },
	} {
		c := goodRights()
		change(&c)
		if err := c.Validate(); err == nil || !strings.Contains(err.Error(), key) || strings.Count(err.Error(), "\n") > 0 {
			t.Errorf("%s: %v", key, err)
		}
	}
}

// TestRightsFiles: files are looked for beside the configuration.
func TestRightsFiles(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "zgoda.yaml")
	const text = "rights:\n  recipients: [{name: mailer, url: 'https://mailer.example/', secret_file: mailer.secret, identifiers: [email], rights: [erasure]}]\n" +
		"opendsr: {domain: dsr.example, certificate: f.pem, key: /k.pem}\n"
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.WriteFile(filepath.Join(dir, "mailer.secret"), []byte("0123456789abcdef0123456789abcdef\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	secrets, err := c.Rights.Secrets()
	if err != nil || string(secrets["mailer"].Reveal()) != "0123456789abcdef0123456789abcdef" {
		t.Errorf("%d secrets: %v", len(secrets), err)
	}
	if certificate, key := c.OpenDSR.Files(); certificate != filepath.Join(dir, "f.pem") || key != "/k.pem" {
		t.Errorf("%s, %s", certificate, key)
	}
	var printed strings.Builder
	if err := c.Print(&printed); err != nil || strings.Contains(printed.String(), "0123456789") || !strings.Contains(printed.String(), "mailer.secret") {
		t.Errorf("%v: %s", err, printed.String())
	}
	c.Rights.Recipients[0].SecretFile = "nothing"
	if _, err := c.Rights.Secrets(); err == nil || !strings.Contains(err.Error(), "recipients[0]") {
		t.Errorf("a file that is not there: %v", err)
	}
}

// TestRightsSentences: how requests are handled is told, of what is left out too.
func TestRightsSentences(t *testing.T) {
	said := func(r *Rights) string {
		var b strings.Builder
		if err := r.Explain(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	c := goodRights()
	if got, want := said(&c.Rights), `Requests of data subjects: 2 others have to approve one. Deadlines are counted in Europe/Bratislava.
  An accepted erasure can be taken back for 24h; its rows are late when they are still there after 2h, and may be in backups for 2mo.
  Somebody does in paper what a request of erasure or access asks for, and signs it off.
  mailer is told of erasure, and knows people by email and phone, where data was for `+c.Sites[0].Purposes[1].ID+`.
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	if got, want := said(&Rights{}), `Requests of data subjects: nobody else has to approve one. Deadlines are counted in UTC.
  An accepted erasure cannot be taken back; its rows are late when they are still there after 1h, and may be in backups for 35d.
  No recipient is told (GDPR Art. 19).
`; got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}
