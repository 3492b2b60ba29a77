package collector

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"

	"zgoda/consent"
	"zgoda/event"
)

// Secret is a site's secret key. It prints as [redacted].
type Secret []byte

const redacted = "[redacted]"

// String returns "[redacted]".
func (Secret) String() string { return redacted }

// GoString returns "[redacted]".
func (Secret) GoString() string { return redacted }

// Format writes "[redacted]" under every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(redacted)) }

// LogValue returns "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText returns "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// Site is one site as the collector needs it. It is immutable once registered.
type Site struct {
	ID         event.SiteID
	PublicKeys []string
	Secret     Secret   // empty: the site has no secret key
	Origins    []string // scheme://host[:port], exactly
	// Loopback makes every public key a secret one too, for clients on loopback
	// and no others, and lists every origin on loopback: the demo.
	Loopback bool
	Policy   *consent.Policy
	// KeepProperties names the properties stored outside scope person; KeepQuery
	// the parameters of page addresses that are stored at all.
	KeepProperties []string
	KeepQuery      []string
	// KeepTitles stores page titles, masked. They are off by default, since they
	// hold names and what people searched for.
	KeepTitles bool
	// ReleaseUnset lets a grant release the events that a page held because nobody
	// had chosen yet.
	ReleaseUnset bool
	// Cookieless gives whoever sends no id a pseudonym of one day.
	Cookieless bool
	// Keeping says what of what events say of their contacts goes to the vault;
	// KeepTraits names the traits, where those that are named do.
	Keeping    Keeping
	KeepTraits []string
	// Special, Criminal and Child say which events are of special data.
	Special, Criminal, Child SpecialData
	// Candidate runs beside the policy, without effect; nil where there is none.
	Candidate *Candidate

	keepProperties map[string]struct{}
	keepQuery      map[string]struct{}
	keepTraits     map[string]struct{}
	hosts          map[string]struct{}
	classes        *classes
	candidate      *Site // as Candidate would have it; nil without one
	number         int   // among the sites of the registry
}

// KeyClass says what a key proves.
type KeyClass uint8

// The classes of keys. The zero value is of no site.
const (
	KeyUnknown  KeyClass = iota
	KeyPublic            // in the page: proves nothing about a person
	KeySecret            // of a server of the controller
	KeyLoopback          // both, on loopback only: public with an Origin, secret without
)

type keyEntry struct {
	site  *Site
	class KeyClass
}

// Sites is the registry of sites. It is immutable and safe for concurrent use.
type Sites struct {
	byID     map[event.SiteID]*Site
	byKey    map[string]keyEntry
	origins  map[string]struct{}
	loopback bool
}

// NewSites makes the registry. It refuses two sites of one id, a key used
// twice, a site without a policy, and an origin that is not scheme://host[:port].
func NewSites(list []Site) (*Sites, error) {
	s := &Sites{byID: map[event.SiteID]*Site{}, byKey: map[string]keyEntry{}, origins: map[string]struct{}{}}
	var errs []error
	for i := range list {
		if err := s.add(list[i]); err != nil {
			errs = append(errs, fmt.Errorf("site %q: %w", list[i].ID, err))
		}
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Sites) add(site Site) error {
	switch {
	case site.ID == "":
		return errors.New("id is missing")
	case s.byID[site.ID] != nil:
		return errors.New("id is used twice")
	case site.Policy == nil || len(site.Policy.Purposes) > event.MaxPurposes:
		return errors.New("policy is missing or has too many purposes")
	}
	site.keepProperties, site.keepQuery = set(site.KeepProperties), set(site.KeepQuery)
	site.keepTraits = set(site.KeepTraits)
	site.hosts = map[string]struct{}{}
	site.classes = newClasses(&site.Special, &site.Criminal, &site.Child)
	if c := site.Candidate; c != nil {
		if c.Trial == nil || c.Trial.Candidate().Site != site.ID {
			return errors.New("candidate is of another site")
		}
		site.candidate = c.site(&site)
	}
	site.number = len(s.byID)
	kept := &site
	if err := s.addKeys(kept); err != nil {
		return err
	}
	for _, origin := range site.Origins {
		host, err := originHost(origin)
		if err != nil {
			return err
		}
		site.hosts[host] = struct{}{}
		s.origins[origin] = struct{}{}
	}
	s.loopback = s.loopback || site.Loopback
	s.byID[site.ID] = kept
	return nil
}

func (s *Sites) addKeys(site *Site) error {
	class := KeyPublic
	if site.Loopback {
		class = KeyLoopback
	}
	for _, key := range site.PublicKeys {
		if _, taken := s.byKey[key]; taken || key == "" {
			return errors.New("a public key is empty or used twice")
		}
		s.byKey[key] = keyEntry{site, class}
	}
	if len(site.Secret) == 0 || site.Loopback {
		return nil
	}
	if _, taken := s.byKey[string(site.Secret)]; taken {
		return errors.New("the secret key is used twice, or is public too")
	}
	s.byKey[string(site.Secret)] = keyEntry{site, KeySecret}
	return nil
}

// originHost returns the host of an origin, without its port.
func originHost(origin string) (string, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.Scheme+"://"+u.Host != origin || strings.ToLower(origin) != origin {
		return "", errors.New("an origin is not scheme://host[:port] in lower case")
	}
	return u.Hostname(), nil
}

func set(list []string) map[string]struct{} {
	m := make(map[string]struct{}, len(list))
	for _, name := range list {
		m[name] = struct{}{}
	}
	return m
}

// ByKey finds the site of a write key, and what the key proves. The time it
// takes tells nothing that helps to guess a key: the lookup is by a seeded hash.
func (s *Sites) ByKey(key []byte) (*Site, KeyClass) {
	e := s.byKey[string(key)]
	return e.site, e.class
}

// ByID finds a site by its name, or nil.
func (s *Sites) ByID(id event.SiteID) *Site { return s.byID[id] }

// All calls yield for every site, in no order, until it returns false.
func (s *Sites) All(yield func(*Site) bool) {
	for _, site := range s.byID {
		if !yield(site) {
			return
		}
	}
}

// OriginListed says whether any site lists the origin, for preflights, which
// carry no key.
func (s *Sites) OriginListed(origin []byte) bool {
	if _, ok := s.origins[string(origin)]; ok {
		return true
	}
	return s.loopback && loopbackOrigin(string(origin))
}

// OriginListed says whether the site lists the origin.
func (s *Site) OriginListed(origin []byte) bool {
	return slices.Contains(s.Origins, string(origin)) || s.Loopback && loopbackOrigin(string(origin))
}

// loopbackOrigin says whether the origin is http(s) on this machine, any port.
func loopbackOrigin(origin string) bool {
	rest, ok := strings.CutPrefix(origin, "http://")
	if !ok {
		if rest, ok = strings.CutPrefix(origin, "https://"); !ok {
			return false
		}
	}
	if host, port, err := net.SplitHostPort(rest); err == nil {
		if port == "" || strings.Trim(port, "0123456789") != "" {
			return false
		}
		rest = host
	}
	return rest == "localhost" || rest == "127.0.0.1" || rest == "[::1]" || rest == "::1"
}
