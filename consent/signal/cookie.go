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
	st := consent.Statement{Source: consent.SourceCookie, Carrier: consent.CarrierCookie, Browser: true}
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
	if err != nil {
		breakFor(&st, consent.DetailSyntax)
	} else if version != p.Version {
		otherVersion(&st)
	}
	out.Put(&st)
}

// otherVersion drops the grants of a statement that was made for another version
// of the texts.
func otherVersion(st *consent.Statement) {
	st.Readings.DropGrants()
	if st.Detail == consent.DetailNone {
		st.Detail = consent.DetailOtherVersion
	}
}
