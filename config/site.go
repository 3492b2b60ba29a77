package config

import (
	"bytes"
	"crypto/sha256"
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
	Controller     Controller
	Purposes       []PurposeText // for dialogues, in the order of Policy.Purposes
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
		KeepProperties: slices.Clone(s.Properties.Keep), KeepQuery: slices.Clone(s.Query.Keep),
	}
	for i := range s.Purposes {
		p := &s.Purposes[i]
		site.Purposes = append(site.Purposes, PurposeText{
			ID: event.PurposeID(p.ID), Kind: p.Kind, Basis: p.Basis, Version: p.version(), Text: maps.Clone(p.Text),
		})
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

// policy makes the policy that decisions are taken by.
func (s *SiteConfig) policy() (*consent.Policy, error) {
	policy := &consent.Policy{Site: event.SiteID(s.ID), Categories: map[string]event.PurposeID{}}
	for category, id := range s.Categories {
		policy.Categories[category] = event.PurposeID(id)
	}
	for i := range s.Purposes {
		p := &s.Purposes[i]
		kind, _ := consent.ParseKind(p.Kind)
		basis, _ := consent.ParseBasis(p.Basis)
		keep, err := ParseRetention(p.Retention)
		if err != nil {
			return nil, fmt.Errorf("purposes[%d].retention: %w", i, err)
		}
		purpose := consent.Purpose{
			ID: event.PurposeID(p.ID), Bit: p.bit(i), Kind: kind, Basis: basis, Version: p.version(), Retention: keep,
			GPC: s.reach("gpc", p.ID, consent.DefaultGPC(kind, basis)), DNT: s.reach("dnt", p.ID, consent.DefaultDNT(kind)),
			Related: event.PurposeID(p.RelatedTo), TextHash: textHash(p.Text),
		}
		purpose.Compatible = basis == consent.BasisRelated && p.CompatibilityTest != "" && p.Notice != ""
		policy.Purposes = append(policy.Purposes, purpose)
	}
	policy.Version, policy.Revision = policyVersion(policy), policyRevision(policy)
	return policy, nil
}

// reach returns what the site lets the signal do to the purpose.
func (s *SiteConfig) reach(signal, purpose string, otherwise consent.Reach) consent.Reach {
	if text, ok := s.Signals[signal][purpose]; ok {
		r, _ := consent.ParseReach(text) // an unknown one refuses
		return r
	}
	return otherwise
}

// textHash is the SHA-256 of all languages and texts, each after its length.
func textHash(text map[string]string) [32]byte {
	h := sha256.New()
	for _, lang := range sortedKeys(text) {
		writeText(h, lang)
		writeText(h, text[lang])
	}
	return [32]byte(h.Sum(nil))
}

// policyVersion is a number that changes with whatever a person was told or
// asked: four bytes of a SHA-256. The rules about browser signals are not part
// of it, since nobody agreed to those.
func policyVersion(p *consent.Policy) uint32 {
	h := sha256.New()
	for i := range p.Purposes {
		q := &p.Purposes[i]
		writeText(h, string(q.ID))
		writeText(h, q.Kind.String())
		writeText(h, q.Basis.String())
		writeText(h, string(q.TextHash[:]))
		_ = binary.Write(h, binary.BigEndian, q.Version) // a hash never fails
	}
	return max(binary.BigEndian.Uint32(h.Sum(nil)), 1)
}

// policyRevision is a number that changes with anything that a decision or a
// row's life depends on: four bytes of a SHA-256.
func policyRevision(p *consent.Policy) uint32 {
	h := sha256.New()
	for i := range p.Purposes {
		_, _ = fmt.Fprintf(h, "%#v\n", p.Purposes[i]) // plain values; a hash never fails
	}
	for _, category := range slices.Sorted(maps.Keys(p.Categories)) {
		writeText(h, category)
		writeText(h, string(p.Categories[category]))
	}
	return max(binary.BigEndian.Uint32(h.Sum(nil)), 1)
}

func writeText(h hash.Hash, text string) {
	_ = binary.Write(h, binary.BigEndian, uint32(len(text))) // a hash never fails
	h.Write([]byte(text))
}
