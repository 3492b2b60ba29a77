package config

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"zgoda/consent"
	"zgoda/event"
)

var (
	siteID   = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,62}$`)
	country  = regexp.MustCompile(`^([A-Z]{2}|US-[A-Z]{2})$`)
	writeKey = regexp.MustCompile(`^[A-Za-z0-9_-]{8,128}$`)
)

// checker gathers errors, each named by the path of its key.
type checker struct{ errs []error }

func (c *checker) fail(path, format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf("%s: "+format, append([]any{path}, args...)...))
}

// Validate checks every rule and returns all that are broken, joined. It is
// pure: it reads no file.
func (c Config) Validate() error {
	v := &checker{}
	v.settings(&c.Settings)
	v.ledger(&c.Ledger)
	v.keyholder(&c.Keyholder)
	v.kek(&c.KEK)
	for i, p := range c.Proxies {
		if _, err := proxy(p); err != nil {
			v.fail(fmt.Sprintf("proxies[%d]", i), "%w", err)
		}
	}
	if _, err := ParseRetention(c.Retention.ContactAfterLastSeen); err != nil {
		v.fail("retention.contact_after_last_seen", "%w", err)
	}
	if _, err := c.SpoolBytes(); err != nil {
		v.fail("spool_limit", "%w", err)
	}
	if _, err := c.SealedBytes(); err != nil {
		v.fail("sealed_limit", "%w", err)
	}
	if c.CachedSubjects < MinCachedSubjects || c.CachedSubjects > MaxCachedSubjects {
		v.fail("cached_subjects", "must be from %d to %d", MinCachedSubjects, MaxCachedSubjects)
	}
	if c.CachedAgents < MinCachedAgents || c.CachedAgents > MaxCachedAgents {
		v.fail("cached_agents", "must be from %d to %d", MinCachedAgents, MaxCachedAgents)
	}
	if _, err := c.StringBytes(); err != nil {
		v.fail("cached_strings", "%w", err)
	}
	v.mail(&c.Mail)
	if c.KeptReasons != 0 && (c.KeptReasons < MinKeptReasons || c.KeptReasons > MaxKeptReasons) {
		v.fail("kept_reasons", "must be 0 or from %d to %d", MinKeptReasons, MaxKeptReasons)
	}
	v.control(&c)
	v.replicas(&c)
	v.rights(&c)
	ids, keys := map[string]bool{}, map[string]bool{}
	for i := range c.Sites {
		path := fmt.Sprintf("sites[%d]", i)
		s := &c.Sites[i]
		if ids[s.ID] {
			v.fail(path+".id", "another site has the same id")
		}
		ids[s.ID] = true
		for j, k := range s.Keys.Public {
			if keys[k] {
				v.fail(fmt.Sprintf("%s.keys.public[%d]", path, j), "the key is used twice")
			}
			keys[k] = true
		}
		v.site(path, s)
	}
	return errors.Join(v.errs...)
}

// Validate checks one site on its own.
func (s SiteConfig) Validate() error {
	v := &checker{}
	v.site("site", &s)
	return errors.Join(v.errs...)
}

func (v *checker) settings(s *Settings) {
	if s.Data == "" {
		v.fail("data", "must name a folder")
	}
	for _, a := range []struct{ key, address string }{{"public", s.Public}, {"console", s.Console}, {"ops", s.Ops}} {
		if _, port, err := net.SplitHostPort(a.address); err != nil || port == "" {
			v.fail(a.key, "must be host:port")
		}
	}
	if s.ClickHouse != "" {
		u, err := url.Parse(s.ClickHouse.Reveal())
		if err != nil || u.Host == "" || !slices.Contains([]string{"clickhouse", "tcp", "http", "https"}, u.Scheme) {
			v.fail("clickhouse", "must be clickhouse://host:port/database")
		}
	}
}

// ProxyNetworks returns the networks of trusted proxies of a configuration that
// is valid.
func (c Config) ProxyNetworks() ([]netip.Prefix, error) {
	all := make([]netip.Prefix, 0, len(c.Proxies))
	for i, text := range c.Proxies {
		p, err := proxy(text)
		if err != nil {
			return nil, fmt.Errorf("proxies[%d]: %w", i, err)
		}
		all = append(all, p)
	}
	return all, nil
}

func proxy(text string) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return p, errors.New("must be a network in CIDR form, for example 10.0.0.0/8")
	case p != p.Masked():
		return p, errors.New("has address bits beyond its prefix")
	case p.Bits() == 0:
		return p, errors.New("would believe everyone's X-Forwarded-For")
	default:
		return p, nil
	}
}

func (v *checker) site(path string, s *SiteConfig) {
	if !siteID.MatchString(s.ID) {
		v.fail(path+".id", "must be 1 to 63 of a-z 0-9 _ -, starting with a letter or digit")
	}
	if len(s.Keys.Public) == 0 && s.Keys.SecretFile == "" {
		v.fail(path+".keys", "must have a public key or a secret_file")
	}
	for i, k := range s.Keys.Public {
		if !writeKey.MatchString(k) {
			v.fail(fmt.Sprintf("%s.keys.public[%d]", path, i), "must be 8 to 128 of A-Z a-z 0-9 _ -")
		}
	}
	seen := map[string]bool{}
	for i, o := range s.Origins {
		at := fmt.Sprintf("%s.origins[%d]", path, i)
		if err := checkOrigin(o); err != nil {
			v.fail(at, "%w", err)
		}
		if seen[o] {
			v.fail(at, "is listed twice")
		}
		seen[o] = true
	}
	v.controller(path+".controller", &s.Controller)
	v.purposes(path, s)
	v.jurisdictions(path, s)
	v.mappings(path, s)
	v.sensitive(path+".special", &s.Special)
	v.sensitive(path+".criminal", &s.Criminal)
	v.sensitive(path+".child", &s.Child)
	v.allow(path+".properties.keep", s.Properties.Keep)
	v.allow(path+".query.keep", s.Query.Keep)
	v.traits(path+".traits", &s.Traits)
	v.releaseUnset(path+".release_unset", s)
	v.reach(path, s)
	v.cookieless(path+".cookieless", s)
}

func (v *checker) controller(path string, c *Controller) {
	if c.Name == "" {
		v.fail(path+".name", "must be given")
	}
	if c.Establishment != "" && !country.MatchString(c.Establishment) {
		v.fail(path+".establishment", "must be a country of two capital letters, for example SK, or a state of the US: US-CA")
	} else if _, region, found := strings.Cut(c.Establishment, "-"); found {
		if _, ok := consent.ParseJurisdiction("us-" + strings.ToLower(region)); !ok {
			v.fail(path+".establishment", "names no state of the US")
		}
	}
}

func (v *checker) allow(path string, names []string) {
	seen := map[string]bool{}
	for i, n := range names {
		at := fmt.Sprintf("%s[%d]", path, i)
		if n == "" || len(n) > maxName {
			v.fail(at, "must have 1 to 128 bytes")
		}
		if seen[n] {
			v.fail(at, "is listed twice")
		}
		seen[n] = true
	}
}

// checkOrigin accepts what a browser sends as Origin, and nothing that it never
// would: such an entry could not match.
func checkOrigin(o string) error {
	u, err := url.Parse(o)
	if err != nil || (u.Scheme != "https" && u.Scheme != "http") || u.Host == "" || u.Scheme+"://"+u.Host != o {
		return errors.New("must be scheme://host or scheme://host:port, without a path")
	}
	for _, c := range []byte(o) {
		if c > 0x7e || (c >= 'A' && c <= 'Z') || c == '*' {
			return errors.New("must be in lower case, without wildcards, names in their ASCII form")
		}
	}
	port := u.Port()
	if u.Hostname() == "" || (port == "" && u.Host[len(u.Host)-1] == ':') {
		return errors.New("must have a host, and a port after its colon")
	}
	if (u.Scheme == "https" && port == "443") || (u.Scheme == "http" && port == "80") {
		return errors.New("must leave out the default port, as browsers do")
	}
	return nil
}

// purpose returns the purpose of the id, or nil.
func (s *SiteConfig) purpose(id string) *PurposeConfig {
	for i := range s.Purposes {
		if s.Purposes[i].ID == id {
			return &s.Purposes[i]
		}
	}
	return nil
}

// maxPurposes is here so that messages and checks say the same.
const maxPurposes = event.MaxPurposes
