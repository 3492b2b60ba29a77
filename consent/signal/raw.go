package signal

import (
	"bytes"

	"zgoda/consent"
	"zgoda/consent/gpp"
	"zgoda/consent/tcf"
)

// Raw returns the TC, GPP and us_privacy strings that a request carries in its
// address and cookies, each once, joined by spaces: what a ledger keeps beside a
// choice. A string that cannot be read is left out, since it could be anything,
// and so is one that would make the whole longer than limit.
func Raw(in *Input, limit int) string {
	var all []byte
	for _, place := range [...]struct {
		of   field
		good func(text []byte) bool
	}{
		{queryTC, isTC},
		{cookieTC, isTC},
		{queryGPP, isGPP},
		{queryUSPrivacy, isUSPrivacy},
		{cookieUSPrivacy, isUSPrivacy},
	} {
		said := &in.hold().said[place.of]
		c := place.of.carried(said.value)
		if said.differs || c.fault != consent.DetailNone || len(all)+1+len(c.text) > limit || !place.good(c.text) || hasWord(all, c.text) {
			continue
		}
		if len(all) > 0 {
			all = append(all, ' ')
		}
		all = append(all, c.text...)
	}
	return string(all)
}

func isTC(text []byte) bool {
	_, err := tcf.Parse(text)
	return err == nil
}

// isGPP says whether the sections of a string can be read, and nothing else is
// in it: sections that are not known could be anything.
func isGPP(text []byte) bool {
	sections, err := gpp.Parse(text, nil)
	if err != nil || len(sections) != bytes.Count(text, []byte("~")) && !isTC(text) {
		return false
	}
	for i := range sections {
		if sections[i].ID == gpp.TCFEU && !isTC(sections[i].Text) {
			return false
		}
	}
	return true
}

func isUSPrivacy(text []byte) bool {
	_, err := gpp.ParseUSPrivacy(text)
	return err == nil
}

func hasWord(all, word []byte) bool {
	for w := range bytes.SplitSeq(all, []byte(" ")) {
		if bytes.Equal(w, word) {
			return true
		}
	}
	return false
}
