package cookie

import (
	"bytes"
	"errors"
	"strings"
	"time"

	"zgoda/event"
)

// broken stands in a consent cookie for entries that could not be verified or
// kept. It opens as unreadable: what it stands for may have been a refusal.
const broken = "x"

// WithChoice returns the value of the consent cookie with what was sealed for a
// site in place of what the old value holds for it. Other sites' choices stay,
// up to MaxSites in all. What gives way then, the choice made longest ago, and
// what could not be verified is unreadable from then on to every site that has
// nothing in the cookie: it may have been that site's refusal.
func (j *Jar) WithChoice(site event.SiteID, sealed string, old []byte, now time.Time) string {
	if sealed == "" {
		return ""
	}
	return j.with(Choice, site, sealed, old, now)
}

// WithVisitor does for the visitor's cookie what WithChoice does for choices.
// What cannot be verified there is of no use, and goes.
func (j *Jar) WithVisitor(site event.SiteID, sealed string, old []byte, now time.Time) string {
	if sealed == "" {
		return ""
	}
	return j.with(Visitor, site, sealed, old, now)
}

// WithoutVisitor returns the value of the visitor's cookie without the site's
// visitor. It is empty when nothing is left of it.
func (j *Jar) WithoutVisitor(site event.SiteID, old []byte, now time.Time) string {
	return j.with(Visitor, site, "", old, now)
}

func (j *Jar) with(name string, site event.SiteID, sealed string, old []byte, now time.Time) string {
	parts, bad := j.kept(name, site, old, now)
	if sealed != "" {
		parts = append([]string{sealed}, parts...)
	}
	bad = bad && name == Choice
	for !fit(parts, bad) {
		parts = parts[:len(parts)-1]
		bad = name == Choice // what gives way may have been a refusal
	}
	if bad {
		parts = append(parts, broken)
	}
	return strings.Join(parts, string(rune(separator)))
}

// fit says whether a cookie can hold so many parts, and one more for broken.
func fit(parts []string, more bool) bool {
	size, count := 0, len(parts)
	for _, p := range parts {
		size += 1 + len(p)
	}
	if more {
		count, size = count+1, size+1+len(broken)
	}
	return count <= 1 || (count <= MaxSites && size <= maxText)
}

// kept returns the texts of other sites that still open, and whether something
// could not be verified.
func (j *Jar) kept(name string, site event.SiteID, old []byte, now time.Time) (texts []string, bad bool) {
	if len(old) == 0 || !j.usable {
		return nil, false
	}
	if bytes.Count(old, []byte{separator}) >= MaxSites {
		return nil, true
	}
	s := j.states.Get().(*state) // the pool holds nothing else
	defer j.states.Put(s)
	seen := map[string]bool{string(site): true}
	for text := range bytes.SplitSeq(old, []byte{separator}) {
		e, ok := s.decode(text)
		if !ok {
			bad = true
			continue
		}
		switch err := s.verify(name, e, now); {
		case errors.Is(err, ErrUnreadable):
			bad = true
		case err == nil && !seen[string(e.site)]:
			seen[string(e.site)] = true
			texts = append(texts, string(text))
		}
	}
	return texts, bad
}
