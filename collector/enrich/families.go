package enrich

import (
	"errors"
	"fmt"
	"hash/maphash"
	"regexp"
	"regexp/syntax"
	"strings"
	"sync/atomic"
	"time"

	"github.com/dgraph-io/ristretto/v2"
	"github.com/ua-parser/uap-go/uaparser"
)

// Families are what is kept of a user agent.
type Families struct {
	Browser, OS, Device string
}

// maxAgent is how much of a user agent is looked at: what is longer is cut, so
// that a long one cannot keep the expressions busy.
const maxAgent = 512

// agents reads user agents.
type agents struct {
	parser *uaparser.Parser
	lists  [3]list // browsers, systems, devices
	seed   maphash.Seed
	kept   *ristretto.Cache[uint64, Families]
	budget *budget
	missed atomic.Uint64 // were read by the expressions
	unread atomic.Uint64
}

// list is what is known of one list of expressions.
type list struct {
	names   closed
	needles []needles // by the expression's place
}

// The places of the lists.
const (
	browsers = iota
	systems
	devices
)

func newAgents(entries, reads int) (*agents, error) {
	// The parser's own cache would keep user agents as they are: its
	// expressions are used one by one instead, and the cache is never asked.
	parser, err := uaparser.New(uaparser.WithCacheSize(1))
	if err != nil {
		return nil, fmt.Errorf("read the expressions for user agents: %w", err)
	}
	a := &agents{parser: parser, seed: maphash.MakeSeed(), budget: newBudget(reads)}
	for i := range a.lists {
		a.lists[i].names = closed{}
	}
	var errs []error
	for _, p := range parser.UA {
		errs = append(errs, a.lists[browsers].learn(p.Reg, p.FamilyReplacement))
	}
	for _, p := range parser.OS {
		errs = append(errs, a.lists[systems].learn(p.Reg, p.OSReplacement))
	}
	for _, p := range parser.Device {
		errs = append(errs, a.lists[devices].learn(p.Reg, p.DeviceReplacement, p.BrandReplacement))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	a.kept, err = newKept(entries)
	return a, err
}

// learn adds the next expression of the list.
func (l *list) learn(re *regexp.Regexp, replacements ...string) error {
	tree, err := syntax.Parse(re.String(), syntax.Perl)
	if err != nil {
		return fmt.Errorf("read an expression for user agents: %w", err)
	}
	l.needles = append(l.needles, needlesOf(tree))
	for _, replacement := range replacements {
		l.names.addReplacement(tree, replacement)
	}
	return nil
}

// families returns the families of a user agent; an empty one has none.
func (a *agents) families(agent []byte) Families {
	if len(agent) == 0 {
		return Families{}
	}
	if len(agent) > maxAgent {
		agent = agent[:maxAgent]
	}
	key := maphash.Bytes(a.seed, agent)
	if f, ok := a.kept.Get(key); ok {
		return f
	}
	if !a.budget.take(time.Now()) {
		a.unread.Add(1)
		return Families{other, other, other} // not remembered: it may be read later
	}
	a.missed.Add(1)
	f := a.read(plain(agent))
	a.kept.Set(key, f, 1)
	return f
}

// plain returns a user agent in ASCII, as its standard says it is: what is not
// becomes a question mark.
func plain(agent []byte) string {
	text := []byte(string(agent))
	for i, c := range text {
		if c >= 0x80 {
			text[i] = '?'
		}
	}
	return string(text)
}

// read asks the expressions. What they answer is kept only when it is a name of
// the closed set, never as the client wrote it. A device whose model is free
// text is known by its brand.
func (a *agents) read(agent string) Families {
	lower := strings.ToLower(agent)
	var browser uaparser.UserAgent
	for i, p := range a.parser.UA {
		if !a.lists[browsers].needles[i].in(lower) {
			continue
		}
		if p.Match(agent, &browser); browser.Family != "" {
			break
		}
	}
	var system uaparser.Os
	for i, p := range a.parser.OS {
		if !a.lists[systems].needles[i].in(lower) {
			continue
		}
		if p.Match(agent, &system); system.Family != "" {
			break
		}
	}
	var device uaparser.Device
	for i, p := range a.parser.Device {
		if !a.lists[devices].needles[i].in(lower) {
			continue
		}
		if p.Match(agent, &device); device.Family != "" {
			break
		}
	}
	return Families{
		Browser: a.lists[browsers].names.family(browser.Family),
		OS:      a.lists[systems].names.family(system.Family),
		Device:  a.lists[devices].names.family(device.Family, device.Brand),
	}
}

const other = "Other"

// family returns the first that is a name of the set, else "Other".
func (c closed) family(given ...string) string {
	for _, s := range given {
		if name := c.known(s); name != "" {
			return name
		}
	}
	return other
}
