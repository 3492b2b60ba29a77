package keyholder

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"zgoda/pseudonym/access"
	"zgoda/pseudonym/kek"
	"zgoda/pseudonym/person"
	"zgoda/pseudonym/role"
	"zgoda/pseudonym/rotation"
)

// Config says what to serve, and where.
type Config struct {
	Data string // folder of keys, vault and log of calls

	// Vault is the PostgreSQL database of several keyholders, without a password;
	// empty: a file in Data. Their keys are in it, too, and each has its own Data.
	Vault         string
	VaultPassword []byte

	// One socket for each role, in folders for their owner alone. Those of rights
	// and administration left out: rights.sock and admin.sock beside Socket.
	Socket       string
	RightsSocket string
	AdminSocket  string
	UIDs         []uint32 // users that may call on Socket; none: our own
	RightsUIDs   []uint32
	AdminUIDs    []uint32
	Group        int // that may reach the sockets, beside our own user; negative: none

	Listen  string        // HOST:PORT for callers with certificates; empty: none
	Barred  []role.Caller // holders of certificates that are refused from now on
	Metrics string        // HOST:PORT for /metrics; empty: none

	KEK             kek.Config    // Dir and MayMake are set here; URI empty: what the keys name, or else the file
	RewrapAt        time.Duration // after midnight, UTC, salts and contacts' keys are sealed anew each day
	AnalyticsMonths int           // how long a month's analytics key is kept after the month; 0: 13

	Limits    access.Limits
	Documents person.Limits    // of what is kept of a contact
	InFlight  int              // calls at one time; more are turned away
	LockWait  time.Duration    // for a folder that a dying keyholder still locks
	DrainWait time.Duration    // for calls under way, at the end
	Now       func() time.Time // nil: time.Now
}

// DefaultConfig returns the settings that apply where none are given.
func DefaultConfig() Config {
	return Config{
		Group: -1, Limits: access.DefaultLimits(), Documents: person.DefaultLimits(), RewrapAt: rotation.DefaultConfig().RewrapAt,
		InFlight: 256, LockWait: 15 * time.Second, DrainWait: 5 * time.Second, Now: time.Now,
	}
}

// maxSocketPath is what the kernel takes, with its ending zero.
const maxSocketPath = 107

// withDefaults fills in what is left out.
func (c Config) withDefaults() Config {
	dir := filepath.Dir(c.Socket)
	c.RightsSocket = cmp.Or(c.RightsSocket, filepath.Join(dir, "rights.sock"))
	c.AdminSocket = cmp.Or(c.AdminSocket, filepath.Join(dir, "admin.sock"))
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// socket is one socket and what it is for.
type socket struct {
	path string
	role role.Role
	uids []uint32
}

func (c Config) sockets() []socket {
	return []socket{
		{c.Socket, role.Pseudonymise, c.UIDs},
		{c.RightsSocket, role.Rights, c.RightsUIDs},
		{c.AdminSocket, role.Administrator, c.AdminUIDs},
	}
}

// Validate says what is wrong with the settings.
func (c Config) Validate() error {
	var errs []error
	if c.Data == "" {
		errs = append(errs, errors.New("data: missing"))
	}
	if c.Socket == "" {
		errs = append(errs, errors.New("socket: missing"))
	}
	seen := map[string]bool{}
	for _, s := range c.withDefaults().sockets() {
		if len(s.path) > maxSocketPath {
			errs = append(errs, fmt.Errorf("socket of %s: the path has %d bytes, a unix socket takes %d", s.role, len(s.path), maxSocketPath))
		}
		if seen[s.path] {
			errs = append(errs, fmt.Errorf("socket of %s: another role has the same one", s.role))
		}
		seen[s.path] = true
	}
	if c.InFlight <= 0 {
		errs = append(errs, fmt.Errorf("in_flight: %d is not positive", c.InFlight))
	}
	if c.Documents.Document <= 0 || c.Documents.Documents < c.Documents.Document {
		errs = append(errs, errors.New("documents: no document can be kept, or not one of the largest size"))
	}
	if c.AnalyticsMonths < 0 {
		errs = append(errs, errors.New("analytics_months: negative"))
	}
	if c.LockWait < 0 || c.DrainWait < 0 {
		errs = append(errs, errors.New("lock_wait, drain_wait: negative"))
	}
	return errors.Join(append(errs, c.Limits.Validate())...)
}
