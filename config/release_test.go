package config

import (
	"strings"
	"testing"
)

// TestReleaseUnset: off unless it is said, refused where it could do nothing, and
// told in a sentence either way.
func TestReleaseUnset(t *testing.T) {
	said := func(s SiteConfig) string {
		var b strings.Builder
		if err := s.Explain(&b); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	s := Demo()
	site, err := s.Site()
	if err != nil || site.ReleaseUnset || !strings.Contains(said(s), "is never stored under a grant that is given later.") {
		t.Errorf("left out: %v, %v", err, site.ReleaseUnset)
	}
	s.ReleaseUnset = true
	if site, err = s.Site(); err != nil || !site.ReleaseUnset || !strings.Contains(said(s), "a grant on that page releases it, flagged.") {
		t.Errorf("on: %v, %v", err, site.ReleaseUnset)
	}

	noOrigin := s
	noOrigin.Origins = nil
	if err := noOrigin.Validate(); err == nil || !strings.Contains(err.Error(), "site.release_unset: is for pages") {
		t.Errorf("without an origin: %v", err)
	}
	nothing := s
	nothing.Purposes = s.Purposes[:1]
	if err := nothing.Validate(); err == nil || !strings.Contains(err.Error(), "site.release_unset: releases nothing") {
		t.Errorf("without a purpose on consent: %v", err)
	}
	nothing.Jurisdictions = map[string]JurisdictionConfig{"us": {Basis: map[string]string{"measurement": "consent"}}}
	if err := nothing.Validate(); err != nil {
		t.Errorf("on consent in one place: %v", err)
	}
	if _, err := Parse([]byte("sites: [{id: shop, release_unset: maybe}]")); err == nil {
		t.Error("neither true nor false, and no error")
	}
}
