package role

import "errors"

// Role is what a credential lets its holder ask for.
type Role uint8

// The roles.
const (
	None          Role = iota
	Pseudonymise       // gateways: keys, pseudonyms
	Rights             // who answers people's requests
	Administrator      // who looks after the keys
)

var names = [...]string{"none", "pseudonymise", "rights", "administrator"}

// String returns the role's name.
func (r Role) String() string {
	if int(r) < len(names) {
		return names[r]
	}
	return names[None]
}

// ErrRole is returned for a text that names no role.
var ErrRole = errors.New("no such role: pseudonymise, rights or administrator")

// Parse reads a role's name; "none" is not one.
func Parse(name string) (Role, error) {
	for r := Pseudonymise; r <= Administrator; r++ {
		if names[r] == name {
			return r, nil
		}
	}
	return None, ErrRole
}

// Caller is who asks: a role, and a name within it. "socket:1000" is a user of
// this machine, "cert:gate-1" the holder of a certificate.
type Caller struct {
	Role Role
	Name string
}

// maxName is the greatest length of a name in a certificate.
const maxName = 64

// ErrName is returned for a name that a certificate cannot carry.
var ErrName = errors.New("a name has 1 to 64 of a-z, 0-9, hyphen and dot, and begins with a letter or a digit")

// CheckName says whether a certificate can carry the name.
func CheckName(name string) error {
	if name == "" || len(name) > maxName || name[0] == '-' || name[0] == '.' {
		return ErrName
	}
	for _, c := range []byte(name) {
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '.' {
			return ErrName
		}
	}
	return nil
}
