package config

import (
	"net"
	"path/filepath"
)

// Keyholder says how to reach a keyholder that is not started by zgoda up, and
// where that one shows its metrics.
type Keyholder struct {
	Address           string  `yaml:"address,omitempty"`            // HOST:PORT, over TLS, instead of a socket
	Certificate       string  `yaml:"certificate,omitempty"`        // for the role pseudonymise, as zgoda keys issue writes it
	RightsCertificate string  `yaml:"rights_certificate,omitempty"` // for the role rights
	RightsSocket      string  `yaml:"rights_socket,omitempty"`      // rights.sock beside the other socket when left out
	AdminSocket       string  `yaml:"admin_socket,omitempty"`       // admin.sock, of a gateway that rewrites what is stored when a purpose key rotates
	AdminCertificate  string  `yaml:"admin_certificate,omitempty"`  // for the role administrator, likewise
	UID               *uint32 `yaml:"uid,omitempty"`                // the user that the keyholder runs as; our own when left out
	Metrics           string  `yaml:"metrics,omitempty"`            // HOST:PORT of the keyholder that zgoda up starts
}

func (v *checker) keyholder(k *Keyholder) {
	for _, a := range []struct{ key, address string }{{"keyholder.address", k.Address}, {"keyholder.metrics", k.Metrics}} {
		if a.address == "" {
			continue
		}
		if _, port, err := net.SplitHostPort(a.address); err != nil || port == "" {
			v.fail(a.key, "must be host:port")
		}
	}
	if (k.Address == "") != (k.Certificate == "") {
		v.fail("keyholder.certificate", "goes with keyholder.address")
	}
	if (k.Address == "") != (k.RightsCertificate == "") {
		v.fail("keyholder.rights_certificate", "goes with keyholder.address")
	}
	if k.Certificate != "" && k.Certificate == k.RightsCertificate {
		v.fail("keyholder.rights_certificate", "is that of the other role")
	}
	if k.AdminCertificate != "" && k.Address == "" {
		v.fail("keyholder.admin_certificate", "goes with keyholder.address")
	}
	if k.AdminCertificate != "" && (k.AdminCertificate == k.Certificate || k.AdminCertificate == k.RightsCertificate) {
		v.fail("keyholder.admin_certificate", "is that of another role")
	}
	if k.Address != "" && (k.RightsSocket != "" || k.AdminSocket != "" || k.UID != nil) {
		v.fail("keyholder.address", "needs no socket and no user")
	}
}

// KeyholderCertificates returns the files of the two roles, beside the
// configuration's own file unless absolute.
func (c Config) KeyholderCertificates() (pseudonymise, rights string) {
	return c.beside(c.Keyholder.Certificate), c.beside(c.Keyholder.RightsCertificate)
}

// KeyholderAdministrator returns the file of the role administrator, or "".
func (c Config) KeyholderAdministrator() string { return c.beside(c.Keyholder.AdminCertificate) }

func (c Config) beside(path string) string {
	if path == "" || filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(c.dir, path)
}
