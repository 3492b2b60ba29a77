package gateway

import (
	"bytes"
	"strconv"
	"strings"
)

// maxLanguages bounds how many languages of a header are looked at.
const maxLanguages = 32

// chooseLanguage returns the one of the languages that Accept-Language asks for
// most (RFC 9110 section 12.5.4, with the lookup of RFC 4647: sr-Latn finds sr),
// else the first of them.
func chooseLanguage(header []byte, have []string) string {
	best, weight := "", 0.0
	n := 0
	for item := range bytes.SplitSeq(header, []byte(",")) {
		if n++; n > maxLanguages {
			break
		}
		tag, q := weighed(string(item))
		if q <= weight {
			continue
		}
		if found := lookUp(tag, have); found != "" {
			best, weight = found, q
		}
	}
	if best == "" && len(have) > 0 {
		return have[0]
	}
	return best
}

// weighed reads one item of a list: a tag and its weight, 0 where it has none
// that can be read.
func weighed(item string) (tag string, q float64) {
	tag, rest, weighted := strings.Cut(item, ";")
	if !weighted {
		return strings.TrimSpace(tag), 1
	}
	value, found := strings.CutPrefix(strings.TrimSpace(rest), "q=")
	q, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
	if !found || err != nil || q < 0 || q > 1 {
		return "", 0
	}
	return strings.TrimSpace(tag), q
}

// lookUp finds a tag, else what is left of it without its last parts.
func lookUp(tag string, have []string) string {
	for tag != "" {
		for _, h := range have {
			if strings.EqualFold(tag, h) {
				return h
			}
		}
		tag = tag[:max(strings.LastIndexByte(tag, '-'), 0)]
	}
	return ""
}
