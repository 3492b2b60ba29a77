package config

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"slices"

	"zgoda/consent"
	"zgoda/event"
)

// policy makes the policy that decisions are taken by.
func (s *SiteConfig) policy() (*consent.Policy, error) {
	policy := &consent.Policy{
		Site: event.SiteID(s.ID), Categories: s.categories(),
		Establishment: s.establishment(), Vendor: s.TCF.Vendor, Tables: s.tables(),
	}
	s.apartFrom(policy)
	for i := range s.Purposes {
		purpose, err := s.makePurpose(i)
		if err != nil {
			return nil, fmt.Errorf("purposes[%d].%w", i, err)
		}
		policy.Purposes = append(policy.Purposes, purpose)
	}
	policy.Version, policy.Revision = policyVersion(policy), s.revision(policy)
	return policy, nil
}

func (s *SiteConfig) categories() []consent.Category {
	of := make(map[string]event.PurposeID, len(s.Categories))
	for category, id := range s.Categories {
		of[category] = event.PurposeID(id)
	}
	return consent.Categories(of)
}

func (s *SiteConfig) makePurpose(place int) (consent.Purpose, error) {
	p := &s.Purposes[place]
	kind, _ := consent.ParseKind(p.Kind)
	keep, err := ParseRetention(p.Retention)
	if err != nil {
		return consent.Purpose{}, fmt.Errorf("retention: %w", err)
	}
	var renew consent.Retention
	if p.RenewAfter != "" {
		if renew, err = ParseRetention(p.RenewAfter); err != nil {
			return consent.Purpose{}, fmt.Errorf("renew_after: %w", err)
		}
	}
	rule := s.rule(p)
	return consent.Purpose{
		ID: event.PurposeID(p.ID), Bit: p.bit(place), Kind: kind, Basis: rule.Basis, Version: p.version(), Retention: keep,
		GPC: rule.GPC, DNT: rule.DNT, ADPC: rule.ADPC,
		Related: event.PurposeID(p.RelatedTo), Compatible: rule.Basis == consent.BasisRelated && p.CompatibilityTest != "" && p.Notice != "", Named: s.named(p),
		TextHash: consent.HashText(p.Text), Terminal: p.onDevice(), Exemption: p.Exemption,
		Special: p.Special, Guardian: p.Guardian, Renew: renew,
		TCF: s.tcf(p), US: s.us(p), Google: s.google(p),
	}, nil
}

// policyVersion is a number that changes with whatever a person was told or
// asked: four bytes of a SHA-256. The rules about signals and consent tools are
// not part of it, since nobody agreed to those.
func policyVersion(p *consent.Policy) uint32 {
	h := sha256.New()
	for i := range p.Purposes {
		q := &p.Purposes[i]
		writeText(h, string(q.ID))
		writeText(h, q.Kind.String())
		writeText(h, q.Basis.String())
		writeText(h, string(q.TextHash[:]))
		_ = binary.Write(h, binary.BigEndian, q.Version) // a hash never fails
		_ = binary.Write(h, binary.BigEndian, [2]bool{q.Terminal, q.Special})
	}
	return max(binary.BigEndian.Uint32(h.Sum(nil)), 1)
}

// revision is a number that changes with anything that a decision or a row's
// life depends on: four bytes of a SHA-256.
func (s *SiteConfig) revision(p *consent.Policy) uint32 {
	h := sha256.New()
	for i := range p.Purposes {
		_, _ = fmt.Fprintf(h, "%#v\n", p.Purposes[i]) // plain values; a hash never fails
	}
	for _, category := range p.Categories {
		writeText(h, category.Name)
		writeText(h, string(category.Purpose))
	}
	_, _ = fmt.Fprintf(h, "%#v %t %t %#v %d\n", p.Establishment, p.UKApart, p.SwissApart, p.Tables, p.Vendor)
	if s.ReleaseUnset {
		writeText(h, "release_unset")
	}
	if s.daily() {
		writeText(h, "cookieless daily")
	}
	for _, l := range []*Sensitive{&s.Special, &s.Criminal, &s.Child} {
		l.write(h)
	}
	return max(binary.BigEndian.Uint32(h.Sum(nil)), 1)
}

// write writes the lists so that no two that differ write the same.
func (l *Sensitive) write(h hash.Hash) {
	for _, list := range [][]string{l.Paths, l.Events, l.Keys} {
		_ = binary.Write(h, binary.BigEndian, uint32(len(list))) // a hash never fails
		for _, name := range slices.Sorted(slices.Values(list)) {
			writeText(h, name)
		}
	}
}
