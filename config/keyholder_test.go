package config

import (
	"errors"
	"strings"
	"testing"
)

func TestKeyholder(t *testing.T) {
	uid := uint32(7)
	for key, k := range map[string]Keyholder{
		"keyholder.address":            {Address: "nowhere", Certificate: "a", RightsCertificate: "b"},
		"keyholder.metrics":            {Metrics: "8083"},
		"keyholder.certificate":        {Address: "h:1", RightsCertificate: "b"},
		"keyholder.rights_certificate": {Address: "h:1", Certificate: "a"},
		"that of the other role":       {Address: "h:1", Certificate: "a", RightsCertificate: "a"},
		"keyholder.admin_certificate":  {AdminCertificate: "c"},
		"that of another role":         {Address: "h:1", Certificate: "a", RightsCertificate: "b", AdminCertificate: "a"},
		"needs no socket and no user":  {Address: "h:1", Certificate: "a", RightsCertificate: "b", AdminSocket: "/run/a"},
		"attachment_limit: must be a":  {AttachmentLimit: "16"},
		"attachment_limit: must be f":  {AttachmentLimit: "0MiB"},
		"from 1MiB to 64GiB":           {AttachmentLimit: "1TiB"},
		"keyholder.mints_per_day":      {Address: "h:1", Certificate: "a", RightsCertificate: "b", MintsPerDay: &uid},
		"needs no socket":              {Address: "h:1", Certificate: "a", RightsCertificate: "b", UID: &uid},
	} {
		v := &checker{}
		v.keyholder(&k)
		if err := errors.Join(v.errs...); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, k := range []Keyholder{{}, {UID: &uid, RightsSocket: "/run/r", AdminSocket: "/run/a"}, {Address: "h:1", Certificate: "a", RightsCertificate: "/b"}, {Metrics: "127.0.0.1:8083"}, {MintsPerDay: new(uint32), AttachmentLimit: "64GiB"}} {
		v := &checker{}
		v.keyholder(&k)
		if len(v.errs) > 0 {
			t.Errorf("%+v: %v", k, v.errs)
		}
	}
	c := Config{dir: "/etc/zgoda", Keyholder: Keyholder{Certificate: "a.pem", RightsCertificate: "/b.pem", AdminCertificate: "c.pem"}}
	if c.KeyholderAdministrator() != "/etc/zgoda/c.pem" || (Config{dir: "/etc"}).KeyholderAdministrator() != "" {
		t.Error(c.KeyholderAdministrator())
	}
	if one, two := c.KeyholderCertificates(); one != "/etc/zgoda/a.pem" || two != "/b.pem" {
		t.Errorf("%s %s", one, two)
	}
}

func TestKeyholderArguments(t *testing.T) {
	if got := (&Keyholder{}).Arguments(); got != nil {
		t.Errorf("of nothing: %q", got)
	}
	c, err := Parse([]byte("keyholder: {mints_per_day: 0, attachment_limit: 32MiB, metrics: '127.0.0.1:0'}"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(c.Keyholder.Arguments(), " "); got != "--metrics 127.0.0.1:0 --mints-per-day 0 --attachment-limit 32MiB" {
		t.Error(got)
	}
}
