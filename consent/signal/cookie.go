package signal

import (
	"errors"

	"zgoda/consent"
	"zgoda/consent/cookie"
)

// Cookie reads our own __Host-zgoda_consent. An expired one, and one of another
// site on the same host, count as absent; one that cannot be verified is Broken,
// since it may have been a refusal. Grants count only for the policy in force.
type Cookie struct {
	Jar *cookie.Jar
}

// Source returns SourceCookie.
func (Cookie) Source() consent.Source { return consent.SourceCookie }

// Read implements Parser.
func (c Cookie) Read(in *Input, p *consent.Policy, out *consent.Signals) {
	if len(in.Cookie) == 0 {
		return
	}
	var st consent.Statement
	st.Source = consent.SourceCookie
	version, err := uint32(0), cookie.ErrUnreadable
	if c.Jar != nil {
		version, err = c.Jar.EachChoice(p.Site, in.Cookie, in.Now, func(id []byte, granted bool) {
			if granted {
				st.Say(find(p, id), consent.Granted)
			} else {
				st.Say(find(p, id), consent.Refused)
			}
		})
	}
	if errors.Is(err, cookie.ErrExpired) || errors.Is(err, cookie.ErrOtherSite) {
		return
	}
	st.Broken = err != nil
	if version != p.Version {
		dropGrants(&st)
	}
	add(out, &st)
}

// dropGrants turns grants into nothing said: they were given for another version.
func dropGrants(st *consent.Statement) {
	for i, r := range st.Readings {
		if r == consent.Granted {
			st.Readings[i] = consent.Unset
		}
	}
}

// add appends a statement that is complete.
func add(out *consent.Signals, st *consent.Statement) {
	if out.Count == consent.MaxStatements {
		out.Add(st.Source) // marks the last one broken: too many tools
		return
	}
	*out.Add(st.Source) = *st
}
