package config

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"maps"
	"path/filepath"
	"slices"

	"zgoda/consent"
	"zgoda/event"
)

// Site is one site, ready for use. It is immutable.
type Site struct {
	ID             event.SiteID
	PublicKeys     []string
	Secret         Secret // zero when there is none
	Origins        []string
	Loopback       bool // the keys work for clients on loopback only, as public and as secret keys
	Policy         *consent.Policy
	KeepProperties []string
	KeepQuery      []string
	Traits         TraitsConfig // nothing of it left out
	ReleaseUnset   bool         // a grant releases what its page held
	Cookieless     bool         // whoever sends no id has a pseudonym of one day
	Controller     Controller
	Purposes       []PurposeText // for dialogues, in the order of Policy.Purposes
	// Special, Criminal and Child make events ones of special data.
	Special, Criminal, Child Sensitive
}

// PurposeText is what a dialogue shows of one purpose.
type PurposeText struct {
	ID      event.PurposeID   `json:"id"`
	Kind    string            `json:"kind"`
	Basis   string            `json:"basis"`
	Version uint32            `json:"version"`
	Text    map[string]string `json:"text"` // by language
}

// In returns the text in the language, else in English, else in the first
// language by name.
func (p PurposeText) In(lang string) string {
	for _, l := range []string{lang, "en"} {
		if t, ok := p.Text[l]; ok {
			return t
		}
	}
	for _, l := range sortedKeys(p.Text) {
		return p.Text[l]
	}
	return ""
}

// ErrKeyIsSecret is returned for a site whose secret is also a public key.
var ErrKeyIsSecret = errors.New("the secret is also a public key")

// Site validates the site and makes it, reading its secret file.
func (s SiteConfig) Site() (Site, error) {
	site, err := s.withoutSecret()
	if err != nil {
		return Site{}, err
	}
	if s.Keys.SecretFile != "" {
		path := s.Keys.SecretFile
		if !filepath.IsAbs(path) {
			path = filepath.Join(s.dir, path)
		}
		if site.Secret, err = ReadSecret(path); err != nil {
			return Site{}, fmt.Errorf("site %s: keys.secret_file: %w", s.ID, err)
		}
	}
	for _, k := range site.PublicKeys {
		if bytes.Equal([]byte(k), site.Secret.Reveal()) {
			return Site{}, fmt.Errorf("site %s: keys: %w", s.ID, ErrKeyIsSecret)
		}
	}
	return site, nil
}

// withoutSecret validates the site and makes it, reading no file.
func (s SiteConfig) withoutSecret() (Site, error) {
	if err := s.Validate(); err != nil {
		return Site{}, err
	}
	policy, err := s.policy()
	if err != nil {
		return Site{}, err
	}
	site := Site{
		ID: event.SiteID(s.ID), Policy: policy, Controller: s.Controller, Loopback: s.loopback,
		PublicKeys: slices.Clone(s.Keys.Public), Origins: slices.Clone(s.Origins),
		KeepProperties: slices.Clone(s.Properties.Keep), KeepQuery: slices.Clone(s.Query.Keep), Traits: s.Traits.kept(), ReleaseUnset: s.ReleaseUnset, Cookieless: s.daily(),
		Special: s.Special.clone(), Criminal: s.Criminal.clone(), Child: s.Child.clone(),
	}
	for i := range s.Purposes {
		p := &s.Purposes[i]
		site.Purposes = append(site.Purposes, PurposeText{
			ID: event.PurposeID(p.ID), Kind: p.Kind, Basis: p.Basis, Version: p.version(), Text: maps.Clone(p.Text),
		})
	}
	return site, nil
}

// MakeSites makes every site. Two sites must not share a secret.
func (c Config) MakeSites() ([]Site, error) {
	var all []Site
	secrets := map[string]bool{}
	for i := range c.Sites {
		s, err := c.Sites[i].Site()
		if err != nil {
			return nil, err
		}
		secret := string(s.Secret.Reveal())
		if secret != "" && secrets[secret] {
			return nil, fmt.Errorf("site %s: keys.secret_file: another site has the same secret", s.ID)
		}
		secrets[secret] = true
		all = append(all, s)
	}
	return all, nil
}

func writeText(h hash.Hash, text string) {
	_ = binary.Write(h, binary.BigEndian, uint32(len(text))) // a hash never fails
	h.Write([]byte(text))
}
