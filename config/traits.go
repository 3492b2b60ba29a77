package config

import "slices"

// TraitsConfig says what of what a site's contacts say of themselves, by a proven
// identify, is kept sealed in the vault. Nothing of it is without profiling.
type TraitsConfig struct {
	Keep  string   `yaml:"keep,omitempty"`  // listed (default), all, none
	Names []string `yaml:"names,omitempty"` // of listed: name, or name.within; left out: those of DefaultTraits
}

// The answers to traits.keep.
const (
	KeepListed = "listed"
	KeepAll    = "all"
	KeepNone   = "none"
)

// DefaultTraits are what is kept where a site says nothing: how to reach somebody and
// what to call them.
func DefaultTraits() []string { return []string{"email", "phone", "name", "firstName", "lastName"} }

// kept returns what is kept, with what is left out filled in.
func (t *TraitsConfig) kept() TraitsConfig {
	k := TraitsConfig{Keep: t.Keep, Names: slices.Clone(t.Names)}
	if k.Keep == "" {
		k.Keep = KeepListed
	}
	if k.Keep == KeepListed && k.Names == nil {
		k.Names = DefaultTraits()
	}
	return k
}

func (v *checker) traits(path string, t *TraitsConfig) {
	switch t.Keep {
	case "", KeepListed:
	case KeepAll, KeepNone:
		if len(t.Names) > 0 {
			v.fail(path+".names", "are of keep: listed")
		}
	default:
		v.fail(path+".keep", "must be listed, all or none")
	}
	if len(t.Names) > maxSensitive {
		v.fail(path+".names", "must have at most %d", maxSensitive)
	}
	v.allow(path+".names", t.Names)
}
