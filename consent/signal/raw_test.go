package signal

import (
	"strings"
	"testing"
)

func TestRaw(t *testing.T) {
	text, out := yes.String(), gppText(9, virginia(1, 1, 0, 0, 2))
	for name, c := range map[string]struct {
		query, cookies headers
		want           string
	}{
		"nothing":                 {nil, nil, ""},
		"all of them":             {headers{"gdpr_consent": {text}, "gpp": {out}, "us_privacy": {"1YYN"}}, headers{"euconsent-v2": {`"` + text + `"`}, "usprivacy": {"1YNN"}}, text + " " + out + " 1YYN 1YNN"},
		"a TC string as GPP":      {headers{"gpp": {text}}, nil, text},
		"one that cannot be read": {headers{"gdpr_consent": {"jane@example.com"}, "gpp": {out}}, nil, out},
		"two that differ":         {headers{"gdpr_consent": {text, tc{}.String()}}, nil, ""},
		"an unknown section":      {headers{"gpp": {gppText(5, "canary")}}, nil, ""},
		"a TC string unreadable":  {headers{"gpp": {gppText(2, "canary")}}, nil, ""},
		"no room for all":         {headers{"gdpr_consent": {text + strings.Repeat("A", 400)}, "us_privacy": {"1YYN"}}, nil, "1YYN"},
	} {
		const limit = 300
		in := &Input{Query: c.query.all, Cookies: c.cookies.all}
		if got := Raw(in, limit); got != c.want || strings.Contains(got, "canary") {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
