package config

import (
	"fmt"
	"slices"
)

// Sensitive lists what makes an event one of special data: the paths of pages, the
// names of events and the keys of properties. An event falls under it when any
// matches.
type Sensitive struct {
	// Paths are paths of pages, such as /health: each stands for itself and all
	// below it.
	Paths  []string `yaml:"paths,omitempty"`
	Events []string `yaml:"events,omitempty"` // names of events, without regard to case
	Keys   []string `yaml:"keys,omitempty"`   // keys of properties and traits, without regard to case
}

const (
	maxSensitive = 256 // in one list
	maxName      = 128 // bytes
)

func (l *Sensitive) clone() Sensitive {
	return Sensitive{slices.Clone(l.Paths), slices.Clone(l.Events), slices.Clone(l.Keys)}
}

func (l *Sensitive) empty() bool { return len(l.Paths)+len(l.Events)+len(l.Keys) == 0 }

// sensitive checks the three lists of a class.
func (v *checker) sensitive(path string, l *Sensitive) {
	for _, list := range []struct {
		key   string
		names []string
	}{{"paths", l.Paths}, {"events", l.Events}, {"keys", l.Keys}} {
		at := path + "." + list.key
		if len(list.names) > maxSensitive {
			v.fail(at, "must have at most %d", maxSensitive)
		}
		v.allow(at, list.names)
	}
	for i, p := range l.Paths {
		at := fmt.Sprintf("%s.paths[%d]", path, i)
		if p == "" || p[0] != '/' {
			v.fail(at, "must begin with /")
		}
		for _, c := range []byte(p) {
			if c == '?' || c == '#' || c == '*' {
				v.fail(at, "must be a path, without wildcards, query and fragment: it stands for all below it too")
				break
			}
		}
	}
}
