package config

import (
	"slices"

	"zgoda/consent"
)

// releaseUnset refuses the setting where it could have no effect: whoever sets it
// there expects one.
func (v *checker) releaseUnset(path string, s *SiteConfig) {
	if !s.ReleaseUnset {
		return
	}
	if len(s.Keys.Public) == 0 || len(s.Origins) == 0 {
		v.fail(path, "is for pages: the site needs a public key and an origin")
	}
	asks := func(basis string) bool { return basis == consent.BasisConsent.String() }
	if slices.ContainsFunc(s.Purposes, func(p PurposeConfig) bool { return asks(p.Basis) }) {
		return
	}
	for _, j := range s.Jurisdictions {
		for _, basis := range j.Basis {
			if asks(basis) {
				return
			}
		}
	}
	v.fail(path, "releases nothing: no purpose is on consent")
}

func releaseSentence(s *SiteConfig) string {
	if !s.ReleaseUnset {
		return "What a page makes before anybody has chosen is never stored under a grant that is given later."
	}
	return "What a page makes before anybody has chosen is held in its memory; a grant on that page releases it, flagged. A refusal, or leaving the page, lets go of it."
}
