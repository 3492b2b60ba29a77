package choice

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"zgoda/consent"
	"zgoda/event"
	"zgoda/jsontape"
)

// statement is the body of POST /consent.
type statement struct {
	key             string
	choices         map[string]bool
	version         string
	locale, surface string
	userID          []byte // of a contact; nil: of none
	proof           string
	hasProof        bool
}

// fault says what is wrong with a body, in words of ours.
type fault struct {
	status       int
	title, field string
}

const (
	maxKey     = 200
	maxLocale  = 11 // sr-Latn-RS and its kind
	maxSurface = 16
	maxVersion = 20
	maxDepth   = 8       // two are needed
	maxRaw     = 4 << 10 // of consent strings: what an entry of the ledger has room for
)

// surfaces are where a person can be asked. The ledger keeps the name in clear
// and for ever, so strangers choose one and write none.
var surfaces = map[string]bool{
	"dialogue": true, "banner": true, "page": true, "preferences": true, "account": true, "app": true, "api": true,
}

// parse reads the body strictly: an unknown or a repeated member, and a member
// of a wrong type, refuse the whole, since half a choice is none.
func parse(body []byte) (*statement, *fault) {
	bad := func(title, field string) (*statement, *fault) {
		return nil, &fault{400, title, field}
	}
	if !utf8.Valid(body) {
		return bad("The body is not UTF-8", "body")
	}
	value, _ := jsontape.Parse(body, maxDepth)
	switch value.Type() { // a member named twice is found below, which says where
	case jsontape.Absent:
		return bad("The body is not JSON", "body")
	case jsontape.Object:
	default:
		return bad("The body is not a JSON object", "body")
	}
	r := reader{out: &statement{choices: map[string]bool{}}, seen: map[string]bool{}}
	for m := value.Members(); m.Next(); {
		r.member(m.Name(), m.Value())
	}
	switch {
	case r.fault != nil:
		return nil, r.fault
	case r.out.key == "":
		return bad("The write key is missing", "key")
	case len(r.out.choices) == 0:
		return bad("No choice is made", "choices")
	}
	return r.out, nil
}

type reader struct {
	out   *statement
	seen  map[string]bool
	fault *fault
}

func (r *reader) bad(title, field string) {
	if r.fault == nil {
		r.fault = &fault{400, title, field}
	}
}

func (r *reader) member(key []byte, v jsontape.Value) {
	name := string(key)
	if r.seen[name] {
		r.bad("A member is there twice", "body")
		return
	}
	r.seen[name] = true
	switch name {
	case "key":
		r.out.key = r.text(v, "key", maxKey, func(c rune) bool { return c > ' ' && c < 0x7f })
	case "choices":
		r.choices(v)
	case "version":
		if v.Type() == jsontape.Number {
			r.out.version = string(v.Digits())
			return
		}
		r.out.version = r.text(v, "version", maxVersion, isDigit)
	case "locale":
		text := r.text(v, "locale", maxLocale, func(c rune) bool { return isLetter(c) || c == '-' })
		if r.out.locale = language(text); r.out.locale == "" && text != "" {
			r.bad("The member must be a language, with a script and a country at most: sk, pl-PL, sr-Latn-RS", "locale")
		}
	case "surface":
		if r.out.surface = r.text(v, "surface", maxSurface, isLetter); r.out.surface != "" && !surfaces[r.out.surface] {
			r.bad("The member must be one of account, api, app, banner, dialogue, page, preferences", "surface")
		}
	case "userId":
		r.identifier(v)
	case "proof":
		r.prove(v)
	case "context":
		r.context(v)
	default:
		r.bad("There is a member that is not known", "body")
	}
}

func (r *reader) text(v jsontape.Value, field string, most int, good func(rune) bool) string {
	if v.Type() != jsontape.String {
		r.bad("The member must be a text", field)
		return ""
	}
	b := v.Text()
	if len(b) > most || strings.ContainsFunc(string(b), func(c rune) bool { return !good(c) }) {
		r.bad("The member is too long or holds characters that it may not", field)
		return ""
	}
	return string(b)
}

func (r *reader) choices(v jsontape.Value) {
	if v.Type() != jsontape.Object {
		r.bad("The member must be an object of purposes", "choices")
		return
	}
	if v.Len() > event.MaxPurposes {
		r.bad("There are more choices than a site can have purposes", "choices")
		return
	}
	for m := v.Members(); m.Next(); {
		if m.Type() != jsontape.True && m.Type() != jsontape.False {
			r.bad("A choice must be true or false", "choices")
			return
		}
		if _, twice := r.out.choices[string(m.Name())]; twice {
			r.bad("A purpose is chosen about twice", "choices")
			return
		}
		r.out.choices[string(m.Name())] = m.Type() == jsontape.True
	}
}

// check holds the statement against the policy in force. Refusals always count;
// a grant counts only for the texts that were shown.
func (s *statement) check(policy *consent.Policy) *fault {
	for id := range s.choices {
		if policy.Find(event.PurposeID(id)) < 0 {
			return &fault{400, "The site does not have this purpose", "choices"}
		}
	}
	if !s.grants() {
		return nil
	}
	if s.version == "" {
		return &fault{400, "The version of the texts that were shown is missing", "version"}
	}
	if s.version != strconv.FormatUint(uint64(policy.Version), 10) {
		return &fault{409, "The texts have changed: show them again", "version"}
	}
	return nil
}

// grants says whether anything is granted.
func (s *statement) grants() bool {
	for _, granted := range s.choices {
		if granted {
			return true
		}
	}
	return false
}

func isDigit(c rune) bool { return c >= '0' && c <= '9' }

func isLetter(c rune) bool { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') }

// language returns a tag of a language, a script and a country (BCP 47), the
// latter two if they are there, in its usual spelling; or nothing. Variants and
// extensions can hold anything, and nobody needs them here.
func language(tag string) string {
	parts := strings.Split(tag, "-")
	if n := len(parts[0]); n < 2 || n > 3 {
		return ""
	}
	parts[0] = strings.ToLower(parts[0])
	rest := parts[1:]
	if len(rest) > 0 && len(rest[0]) == 4 {
		rest[0] = strings.ToUpper(rest[0][:1]) + strings.ToLower(rest[0][1:])
		rest = rest[1:]
	}
	if len(rest) > 0 && len(rest[0]) == 2 {
		rest[0] = strings.ToUpper(rest[0])
		rest = rest[1:]
	}
	if len(rest) > 0 {
		return ""
	}
	return strings.Join(parts, "-")
}
