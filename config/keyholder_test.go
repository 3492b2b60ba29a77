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
		"needs no socket":              {Address: "h:1", Certificate: "a", RightsCertificate: "b", UID: &uid},
	} {
		v := &checker{}
		v.keyholder(&k)
		if err := errors.Join(v.errs...); err == nil || !strings.Contains(err.Error(), key) {
			t.Errorf("%s: %v", key, err)
		}
	}
	for _, k := range []Keyholder{{}, {UID: &uid, RightsSocket: "/run/r", AdminSocket: "/run/a"}, {Address: "h:1", Certificate: "a", RightsCertificate: "/b"}, {Metrics: "127.0.0.1:8083"}} {
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
