package segment

import "zgoda/jsontape"

// MaxMembers is how many members one object may have, at any level.
const MaxMembers = jsontape.MaxMembers

// fault says what is wrong with a body in which an object names a member twice
// (two readers could take two different ones, and a consent could hide so) or
// has too many: the first in the order of the body counts. Too many members are
// a *FieldError that names the nearest field of the wire's own around them.
func fault(v jsontape.Value, field string) error {
	for item := v.Items(); item.Next(); {
		if err := fault(item.Value(), field); err != nil {
			return err
		}
	}
	if v.Type() != jsontape.Object {
		return nil
	}
	if v.Len() > MaxMembers {
		return &FieldError{field, "must have at most 512 members"}
	}
	if v.Repeats() {
		return ErrDuplicate
	}
	for m := v.Members(); m.Next(); {
		if err := fault(m.Value(), nearest(m.Name(), field)); err != nil {
			return err
		}
	}
	return nil
}

// nearest returns the name of a member where it is one of the wire's own, else
// that of what is around it: a name of the client's is content and not repeated.
func nearest(name []byte, around string) string {
	for _, own := range [...]string{"batch", "events", "context", "page", "campaign", "properties", "traits", "consent", "categoryPreferences"} {
		if string(name) == own {
			return own
		}
	}
	return around
}
