package config

import (
	"net"
	"path/filepath"
	"strconv"
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
	MintsPerDay       *uint32 `yaml:"mints_per_day,omitempty"`      // contacts that one caller may have made a day, at that keyholder; 0: any number; its own default when left out
	AttachmentLimit   string  `yaml:"attachment_limit,omitempty"`   // largest document of a contact there, as 16MiB; its own default when left out
}

// MaxAttachmentLimit is the most that keyholder.attachment_limit may be.
const MaxAttachmentLimit = 64 << 30

func (v *checker) keyholder(k *Keyholder) {
	v.keyholderLimits(k)
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

// keyholderLimits checks what is said to the keyholder that zgoda up starts.
func (v *checker) keyholderLimits(k *Keyholder) {
	if k.AttachmentLimit != "" {
		if n, err := parseSize(k.AttachmentLimit); err != nil {
			v.fail("keyholder.attachment_limit", "%w", err)
		} else if n == 0 || n > MaxAttachmentLimit {
			v.fail("keyholder.attachment_limit", "must be from 1MiB to 64GiB")
		}
	}
	if k.Address != "" && (k.MintsPerDay != nil || k.AttachmentLimit != "") {
		v.fail("keyholder.mints_per_day", "and keyholder.attachment_limit go to the keyholder of zgoda up; give another one its flags")
	}
}

// Arguments are the flags for the keyholder that zgoda up starts.
func (k *Keyholder) Arguments() (args []string) {
	if k.Metrics != "" {
		args = append(args, "--metrics", k.Metrics)
	}
	if k.MintsPerDay != nil {
		args = append(args, "--mints-per-day", strconv.FormatUint(uint64(*k.MintsPerDay), 10))
	}
	if k.AttachmentLimit != "" {
		args = append(args, "--attachment-limit", k.AttachmentLimit)
	}
	return args
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
