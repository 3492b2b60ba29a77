package consent

// Class says which rules for special data an event falls under. It is a set,
// and the zero value is of ordinary events.
type Class uint8

// The classes.
const (
	ClassSpecial  Class = 1 << iota // special categories (GDPR Art. 9): an explicit grant on record only
	ClassCriminal                   // criminal convictions and offences (Art. 10): never taken in
	ClassChild                      // for children (Art. 8): never profiled, and a guardian must agree
)

// Has says whether the set has the class.
func (c Class) Has(want Class) bool { return c&want != 0 }

// knownClasses has every class that there is.
const knownClasses = ClassSpecial | ClassCriminal | ClassChild

// criminal says whether nothing may be taken in. A class that is not known counts
// as that.
func (c Class) criminal() bool { return c.Has(ClassCriminal) || c&^knownClasses != 0 }

var classNames = [...]string{"special", "criminal", "child"}

// Names returns the classes as configurations write them.
func (c Class) Names() []string {
	names := []string{}
	for i, name := range classNames {
		if c&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if c&^knownClasses != 0 {
		names = append(names, "unknown")
	}
	return names
}
