package config

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"zgoda/consent"
)

// purposeID also keeps ids safe in headers and in JSON.
var purposeID = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,31}$`)

// reserved ids are members of the consent object beside the choices.
var reserved = []string{"version", "choices", "locale", "surface", "key"}

// The two answers to terminal_access.
const (
	accessDevice = "device"
	accessNone   = "none"
)

// purposes checks the list, and each purpose in it.
func (v *checker) purposes(path string, s *SiteConfig) {
	if len(s.Purposes) == 0 || len(s.Purposes) > maxPurposes {
		v.fail(path+".purposes", "must be 1 to %d", maxPurposes)
		return
	}
	ids, bits := map[string]bool{}, map[uint8]bool{}
	for i := range s.Purposes {
		p, at := &s.Purposes[i], fmt.Sprintf("%s.purposes[%d]", path, i)
		if ids[p.ID] {
			v.fail(at+".id", "another purpose has the same id")
		}
		ids[p.ID] = true
		bit := p.bit(i)
		if bit >= maxPurposes {
			v.fail(at+".bit", "must be 0 to %d", maxPurposes-1)
		} else if bits[bit] {
			v.fail(at+".bit", "another purpose has the same bit")
		}
		bits[bit] = true
		v.purpose(at, s, p)
	}
}

// bit returns the purpose's bit number: as given, else its place in the list.
func (p *PurposeConfig) bit(place int) uint8 {
	if p.Bit != nil {
		return *p.Bit
	}
	return uint8(place)
}

func (p *PurposeConfig) version() uint32 { return max(p.Version, 1) }

func (p *PurposeConfig) onDevice() bool { return p.TerminalAccess != accessNone }

func (v *checker) purpose(path string, s *SiteConfig, p *PurposeConfig) {
	if !purposeID.MatchString(p.ID) || slices.Contains(reserved, p.ID) {
		v.fail(path+".id", "must be 1 to 32 of a-z 0-9 _ -, starting with a letter, and none of %s", strings.Join(reserved, ", "))
	}
	kind, ok := consent.ParseKind(p.Kind)
	if !ok {
		v.fail(path+".kind", "must be measurement, analytics, profiling, marketing or sharing")
	}
	basis, ok := consent.ParseBasis(p.Basis)
	if !ok {
		v.fail(path+".basis", "must be consent, legitimate_interest, contract or related")
	}
	if _, err := ParseRetention(p.Retention); err != nil {
		v.fail(path+".retention", "%w", err)
	}
	if p.TerminalAccess != "" && p.TerminalAccess != accessDevice && p.TerminalAccess != accessNone {
		v.fail(path+".terminal_access", "must be device or none")
	}
	v.exemption(path+".exemption", s, p)
	v.grants(path, p, basis)
	v.texts(path, p, basis)
	v.uses(path, p, basis)
	v.basis(path, s, p, kind, basis)
}

// grants checks what a grant of the purpose needs, and for how long it counts.
func (v *checker) grants(path string, p *PurposeConfig, basis consent.Basis) {
	if p.Default != "" && p.Default != consent.Deny.String() {
		v.fail(path+".default", "must be deny: what nobody has granted is denied")
	}
	if p.RenewAfter != "" {
		if _, err := ParseRetention(p.RenewAfter); err != nil {
			v.fail(path+".renew_after", "%w", err)
		}
	}
	if basis == consent.BasisConsent {
		return
	}
	const needs = "is for basis consent only"
	if p.RenewAfter != "" {
		v.fail(path+".renew_after", needs)
	}
	if p.Guardian {
		v.fail(path+".guardian", needs)
	}
	if p.Special {
		v.fail(path+".special", needs+": special categories need an explicit grant (GDPR Art. 9(2)(a))")
	}
}

// texts asks for what a person must be able to read before agreeing.
func (v *checker) texts(path string, p *PurposeConfig, basis consent.Basis) {
	if basis == consent.BasisConsent && len(p.Text) == 0 {
		v.fail(path+".text", "must be given in at least one language, since consent needs to be informed")
	}
	for _, lang := range sortedKeys(p.Text) {
		if strings.TrimSpace(p.Text[lang]) == "" || lang == "" {
			v.fail(path+".text."+lang, "must not be empty")
		}
	}
}

// basis checks that the basis can carry the purpose.
func (v *checker) basis(path string, s *SiteConfig, p *PurposeConfig, kind consent.Kind, basis consent.Basis) {
	interest := basis == consent.BasisLegitimateInterest
	if interest && kind.Scope() == consent.KindProfiling.Scope() {
		v.fail(path+".basis", neverInterest)
	}
	if basis == consent.BasisContract && kind != consent.KindMeasurement {
		v.fail(path+".basis", "contract carries measurement only: what a contract needs is neither profiling nor marketing (GDPR Art. 6(1)(b))")
	}
	if basis == consent.BasisContract && p.onDevice() && p.Exemption == "" {
		v.fail(path+".terminal_access", "must be none, or exempt: what a contract needs does not allow the device (ePrivacy Art. 5(3))")
	} else if s.underEU() && basis != consent.BasisConsent && p.onDevice() && p.Exemption == "" {
		v.fail(path+".terminal_access", deviceNeedsConsent)
	}
	if basis != consent.BasisRelated {
		if p.RelatedTo != "" {
			v.fail(path+".related_to", "is for basis related only")
		}
		return
	}
	other := s.purpose(p.RelatedTo)
	if other == nil || other.ID == p.ID {
		v.fail(path+".related_to", "must name another purpose of the site")
		return
	}
	if p.CompatibilityTest == "" {
		v.fail(path+".compatibility_test", "must name the recorded test (GDPR Art. 6(4))")
	}
	if p.Notice == "" {
		v.fail(path+".notice", "must name the notice given (GDPR Art. 13(3))")
	}
	otherKind, _ := consent.ParseKind(other.Kind)
	otherBasis, _ := consent.ParseBasis(other.Basis)
	if otherBasis == consent.BasisRelated {
		v.fail(path+".related_to", "must not name a purpose that is itself related")
	}
	if kind.Scope() > otherKind.Scope() {
		v.fail(path+".related_to", "must not name a purpose that needs less identity than this one")
	}
	if kind.Scope() == consent.KindProfiling.Scope() && otherBasis != consent.BasisConsent {
		v.fail(path+".related_to", "profiling, marketing and sharing can relate to a purpose on consent only")
	}
	v.unstretched(path, s, p, other)
}

const maxMonths = 240

// ParseRetention reads 30d, 25mo or 2y.
func ParseRetention(text string) (consent.Retention, error) {
	digits := strings.TrimRight(text, "abcdefghijklmnopqrstuvwxyz")
	n, err := strconv.ParseUint(digits, 10, 16)
	bad := errors.New("must be a number of days, months or years: 30d, 25mo or 2y, at most 20y")
	if err != nil || n == 0 || digits[0] == '0' {
		return consent.Retention{}, bad
	}
	r := consent.Retention{}
	switch text[len(digits):] {
	case "d":
		r.Days = int(n)
	case "mo":
		r.Months = int(n)
	case "y":
		r.Months = int(n) * 12
	default:
		return consent.Retention{}, bad
	}
	if r.Months > maxMonths || r.Days > maxMonths*31 {
		return consent.Retention{}, bad
	}
	return r, nil
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
