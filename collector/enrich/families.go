package enrich

import (
	"fmt"
	"hash/maphash"
	"sync"

	"github.com/ua-parser/uap-go/uaparser"
)

// Families are what is kept of a user agent.
type Families struct {
	Browser, OS, Device string
}

// maxAgent is how much of a user agent is looked at: what is longer is cut, so
// that a long one cannot keep the expressions busy.
const maxAgent = 512

// generations is a bounded map: when the young half is full it becomes the old
// one, and what was not asked for since is forgotten.
type generations struct {
	mu         sync.Mutex
	young, old map[uint64]Families
	limit      int
}

func (g *generations) get(key uint64) (Families, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if f, ok := g.young[key]; ok {
		return f, true
	}
	f, ok := g.old[key]
	if ok {
		g.addLocked(key, f)
	}
	return f, ok
}

func (g *generations) add(key uint64, f Families) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.addLocked(key, f)
}

func (g *generations) addLocked(key uint64, f Families) {
	if len(g.young) >= g.limit {
		g.young, g.old = make(map[uint64]Families, g.limit), g.young
	}
	g.young[key] = f
}

func (g *generations) size() int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return len(g.young) + len(g.old)
}

const shards = 16

// agents reads user agents.
type agents struct {
	parser *uaparser.Parser
	seed   maphash.Seed
	cache  [shards]generations
}

func newAgents(entries int) (*agents, error) {
	// The parser's own cache would keep user agents as they are: its
	// expressions are used one by one instead, and the cache is never asked.
	parser, err := uaparser.New(uaparser.WithCacheSize(1))
	if err != nil {
		return nil, fmt.Errorf("read the expressions for user agents: %w", err)
	}
	a := &agents{parser: parser, seed: maphash.MakeSeed()}
	for i := range a.cache {
		a.cache[i].limit = max(1, entries/shards/2)
		a.cache[i].young = map[uint64]Families{}
	}
	return a, nil
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
	shard := &a.cache[key%shards]
	if f, ok := shard.get(key); ok {
		return f
	}
	f := a.read(string(agent))
	shard.add(key, f)
	return f
}

// read asks the expressions. What they take out of the user agent itself, and
// not from their own list, is kept only when it is a short plain name.
func (a *agents) read(agent string) Families {
	var browser uaparser.UserAgent
	for _, p := range a.parser.UA {
		if p.Match(agent, &browser); browser.Family != "" {
			break
		}
	}
	var system uaparser.Os
	for _, p := range a.parser.OS {
		if p.Match(agent, &system); system.Family != "" {
			break
		}
	}
	var device uaparser.Device
	for _, p := range a.parser.Device {
		if p.Match(agent, &device); device.Family != "" {
			break
		}
	}
	return Families{family(browser.Family), family(system.Family), family(device.Family)}
}

const other = "Other"

// family returns a name of at most 40 letters, digits, spaces and signs, with
// no more than six digits in all; anything else is "Other".
func family(name string) string {
	if name == "" || len(name) > 40 {
		return other
	}
	digits := 0
	for _, c := range []byte(name) {
		switch {
		case c >= '0' && c <= '9':
			digits++
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c == ' ', c == '-', c == '_', c == '.', c == '+', c == '!', c == '(', c == ')', c == '/':
		default:
			return other
		}
	}
	if digits > 6 {
		return other
	}
	return string([]byte(name)) // not a piece of the user agent, which would be kept whole
}
